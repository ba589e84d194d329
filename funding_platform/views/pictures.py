"""Pictures of what was computed, as PNG: small enough to lie beside the figures in an event log."""

from io import BytesIO

import polars as pl
from matplotlib.figure import Figure

from funding_platform.core.current import is_current
from funding_platform.core.tables.features import BUCKETS
from funding_platform.core.units import TENOR_HOURS

SIZE_INCHES = (7.0, 3.6)
DOTS_PER_INCH = 80


def curve_picture(curves: pl.DataFrame) -> bytes:
    """Draw the newest usable settled curve of each instrument, as the median of each venue.

    Instruments whose newest curve is of another time than the newest of all are left out.

    Parameters
    ----------
    curves
        Rows of ``features.curve_snapshots``.
    """
    newest = (
        curves.filter((pl.col("kind") == "settled") & pl.col("usable"))
        .sort("as_of")
        .unique(["venue", "venue_symbol"], keep="last", maintain_order=True)
        .filter(is_current())
    )
    by_venue = newest.group_by("venue").agg(
        pl.len().alias("n"), pl.col("as_of").max(), pl.col(BUCKETS).median()
    )
    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.add_subplot()
    hours = [TENOR_HOURS * k for k in range(len(BUCKETS))]
    for row in by_venue.sort("venue").iter_rows(named=True):
        axes.plot(
            hours,
            [100 * row[name] for name in BUCKETS],
            marker=".",
            label=f"{row['venue']}, {row['n']} ({row['as_of']:%Y-%m-%d %H:%M})",
        )
    if by_venue.is_empty():
        axes.text(0.5, 0.5, "no usable curve", ha="center", transform=axes.transAxes)
    else:
        axes.legend(
            title="venue, instruments (as of)", fontsize="x-small", title_fontsize="x-small"
        )
    axes.set_title("Settled funding curves: median over each venue's instruments")
    axes.set_xlabel("hours back from the newest window")
    axes.set_ylabel("funding, % a year")
    axes.grid(alpha=0.3)
    return png(figure)


def png(figure: Figure) -> bytes:
    """Write the figure as PNG, drawn by Agg: no display is needed."""
    file = BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
