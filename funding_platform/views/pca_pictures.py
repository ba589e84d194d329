"""Principal components as people look at them: loadings, and what they explain through time."""

import polars as pl
from matplotlib.figure import Figure

from funding_platform.core.tables.features.curves import BUCKETS
from funding_platform.core.tables.features.pca import PCA_COMPONENTS
from funding_platform.views.pictures import DOTS_PER_INCH, SIZE_INCHES, png


def loadings_picture(models: pl.DataFrame) -> bytes:
    """Draw the loadings of each venue's newest fitted model, a panel per component, as PNG.

    The legend has the month that a model's window ends in, which differs where a venue is gone.
    """
    fitted = _venue_models(models)
    newest = fitted.filter(pl.col("window_end") == pl.col("window_end").max().over("venue"))
    figure = _figure()
    panels = figure.subplots(1, len(PCA_COMPONENTS), sharey=True)
    for axes, pc in zip(panels, PCA_COMPONENTS, strict=True):
        for row in newest.iter_rows(named=True):
            loadings = [row[f"{pc}_{bucket}"] for bucket in BUCKETS]
            label = f"{row['venue']}, to {row['window_end']:%Y-%m}"
            if None not in loadings:
                axes.plot(range(len(BUCKETS)), loadings, linewidth=1, label=label)
        axes.axhline(0, color="grey", linewidth=0.6)
        axes.set(title=f"loadings of {pc}", xlabel="bucket (8-hour windows back)")
    panels[0].set_ylabel("loading (unit vector)")
    if newest.height:
        panels[-1].legend(fontsize="xx-small", ncols=2)
    return png(figure)


def explained_picture(models: pl.DataFrame) -> bytes:
    """Draw the share of variance that three components explain, a line per venue, as PNG."""
    fitted = _venue_models(models)
    figure = _figure()
    axes = figure.subplots()
    together = pl.sum_horizontal(f"{pc}_share" for pc in PCA_COMPONENTS)
    for (venue,), rows in fitted.group_by("venue", maintain_order=True):
        axes.plot(
            rows["window_end"].dt.strftime("%Y-%m-%d").to_list(),
            (100 * rows.select(together).to_series()).to_list(),
            marker=".",
            linewidth=1,
            label=str(venue),
        )
    axes.set(
        title="variance explained by three components, venue models",
        xlabel="end of the 90-day window (UTC)",
        ylabel="% of the variance",
        ylim=(0, 101),
    )
    if fitted.height:
        axes.legend(fontsize="xx-small", ncols=2)
    return png(figure)


def _venue_models(models: pl.DataFrame) -> pl.DataFrame:
    fitted = (pl.col("scope") == "venue") & (pl.col("status") == "fitted")
    return models.filter(fitted).sort("venue", "window_end")


def _figure() -> Figure:
    return Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH, layout="constrained")
