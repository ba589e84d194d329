"""Pictures of what was computed, as PNG: small enough to lie beside the figures in an event log."""

from io import BytesIO
from math import nan

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from PIL import Image

from funding_platform.core.market.current import is_current
from funding_platform.core.tables.features.curves import BUCKETS
from funding_platform.core.units import TENOR_HOURS

SIZE_INCHES = (7.0, 3.6)
DOTS_PER_INCH = 80

COLOURS = 64
"""Of a picture: more than lines, legends and smoothed edges need."""

MOST_MONTHS = 36
MOST_LABELS = 9
"""Months of a heat map, the newest, and how many of them are named."""

LEAST_PERCENT = 90
"""Coverage of this and less has the last colour: what is to be seen lies above."""


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


def rates_picture(daily: pl.DataFrame) -> bytes:
    """Draw how the settled rates of each day were distributed: median, and the middle four fifths.

    Parameters
    ----------
    daily
        Rows of ``flows.collection.history.report.DAILY``, of stretches in any order.
    """
    days = daily.sort("day")
    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH)
    figure.subplots_adjust(left=0.1, right=0.98, top=0.9, bottom=0.2)  # found once, not each run
    axes = figure.add_subplot()
    x = days["day"].to_list()
    low, median, high = (100 * days[name] for name in ("low", "median", "high"))
    axes.fill_between(x, low, high, alpha=0.25, linewidth=0, label="from 10 to 90 % of them")
    axes.plot(x, median, marker=".", linewidth=1, label="median")
    axes.axhline(0, color="grey", linewidth=0.6)
    axes.set_title("Settled rates by day, over all instruments")
    axes.set_ylabel("funding, % a year")
    axes.tick_params("x", rotation=30, labelsize="x-small")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="x-small")
    return png(figure)


def coverage_picture(coverage: pl.DataFrame) -> bytes:
    """Draw the share of settlements that are there, venues down and months across.

    Cells of which nothing was due stay empty.

    Parameters
    ----------
    coverage
        ``venue``, ``month`` as ``2025-03`` and ``coverage``, as `coverage_by_month` finds them.
    """
    months = coverage["month"].unique().sort().to_list()[-MOST_MONTHS:]
    venues = coverage["venue"].unique().sort().to_list()
    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title("Settlements that are there, of those that were due")
    if not months:
        axes.text(0.5, 0.5, "nothing collected", ha="center", transform=axes.transAxes)
        return png(figure)
    shares = {(v, m): c for v, m, c in coverage.select("venue", "month", "coverage").iter_rows()}
    cells = np.array(
        [[_percent(shares.get((venue, month))) for month in months] for venue in venues]
    )
    drawn = axes.imshow(cells, aspect="auto", cmap="RdYlGn", vmin=LEAST_PERCENT, vmax=100)
    axes.set_yticks(range(len(venues)), venues, fontsize="x-small")
    step = -(-len(months) // MOST_LABELS)
    axes.set_xticks(range(0, len(months), step), months[::step], fontsize="x-small")
    figure.colorbar(drawn, label="%", extend="min")
    return png(figure)


def spread_picture(rates: pl.DataFrame) -> bytes:
    """Draw how the newest rates of each venue are spread: box of quartiles, whiskers of 5 and 95 %.

    Parameters
    ----------
    rates
        ``venue`` and ``apr``, as a fraction a year, of every instrument.
    """
    known = rates.drop_nulls("apr")
    by_venue = {
        str(venue): (100 * rows["apr"]).to_list()
        for (venue,), rows in known.sort("venue").group_by("venue", maintain_order=True)
    }
    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.add_subplot()
    if by_venue:
        labels = [f"{venue} ({len(rows)})" for venue, rows in by_venue.items()]
        axes.boxplot(list(by_venue.values()), whis=(5, 95), showfliers=False, tick_labels=labels)
        axes.tick_params("x", rotation=45, labelsize="x-small")
    else:
        axes.text(0.5, 0.5, "no rate", ha="center", transform=axes.transAxes)
    axes.axhline(0, color="grey", linewidth=0.6)
    axes.set_title("Newest rates by venue (instruments)")
    axes.set_ylabel("funding, % a year")
    axes.grid(alpha=0.3, axis="y")
    return png(figure)


def _percent(share: float | None) -> float:
    return nan if share is None else 100 * share


def equity_picture(course: pl.DataFrame) -> bytes:
    """Draw profit since the start, with its parts: trading, funding and fees.

    Parameters
    ----------
    course
        Rows of ``execution.performance`` by time.
    """
    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.add_subplot()
    times = course["taken_at"].to_list()
    parts = {"pnl": "P&L", "trading": "trading", "funding": "funding"}
    for name, label in parts.items():
        known = [float("nan") if usd is None else usd for usd in course[f"{name}_usd"]]
        axes.plot(times, known, label=label, linewidth=2.0 if name == "pnl" else 1.0)
    fees = [float("nan") if usd is None else -usd for usd in course["fees_usd"]]
    axes.plot(times, fees, label="fees", linewidth=1.0)
    if course.is_empty():
        axes.text(0.5, 0.5, "no cycle yet", ha="center", transform=axes.transAxes)
    else:
        axes.legend(fontsize="small")
    axes.set_ylabel("USD since the start")
    axes.tick_params(axis="x", labelrotation=30, labelsize="small")
    axes.grid(alpha=0.3)
    return png(figure)


def png(figure: Figure) -> bytes:
    """Write the figure as PNG, drawn by Agg: no display is needed.

    With a palette it has a quarter of the bytes. The event log keeps two copies, every hour.
    """
    drawn, written = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png")
    with Image.open(drawn) as image:
        few = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(written, "PNG", optimize=True)
    return written.getvalue()
