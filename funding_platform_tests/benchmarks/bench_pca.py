"""Rolling principal components of funding curves, against refitting scikit-learn.

The peer refits at a sample of the steps and is scaled to all of them. Every model that it made is
compared with ours.
"""

import numpy as np
import polars as pl
from sklearn.decomposition import PCA

from funding_platform.core.tables.features.curves import BUCKETS
from funding_platform.core.tables.features.pca import PCA_COMPONENTS
from funding_platform.curves import rolling_pca
from funding_platform.curves.pca.rolling import WINDOW_DAYS
from funding_platform_tests.benchmarks.measurement import Measurement, median_seconds, seconds
from funding_platform_tests.curves.pca.strips import strips

WINDOW = 3 * WINDOW_DAYS
STEPS = 30_000
PEER_STEPS = 500
INSTRUMENTS = 500
MONTHS = 24
REPEATS = 3


def run(quick: bool = False) -> list[Measurement]:
    shrink = 10 if quick else 1
    return [*_by_step(STEPS // shrink), _by_month(INSTRUMENTS // shrink)]


def _by_step(steps: int) -> list[Measurement]:
    """Microseconds for each further step, and for each refit."""
    curves = strips(days=(steps + WINDOW) // 3, symbols=("A",))
    models = rolling_pca(curves, every="step").models
    took = median_seconds(lambda: rolling_pca(curves, every="step"), REPEATS) / models.height
    values = curves.select(BUCKETS).to_numpy()
    at = np.linspace(0, models.height - 1, PEER_STEPS).astype(int)
    fits: list[PCA] = []
    peer = seconds(
        lambda: fits.extend(PCA(len(PCA_COMPONENTS)).fit(values[k : k + WINDOW]) for k in at)
    )
    _agree(models[at], fits)
    what = (
        f"each of {models.height:,} steps over {WINDOW} x {len(BUCKETS)}, table of models included"
    )
    return [
        Measurement(what, 1e6 * took, "us", peer=1e6 * peer / PEER_STEPS, least_ratio=13.7),
    ]


def _agree(models: pl.DataFrame, fits: list[PCA]) -> None:
    shares = np.sort(models.select(f"{pc}_share" for pc in PCA_COMPONENTS).to_numpy())[:, ::-1]
    theirs = np.array([fit.explained_variance_ratio_ for fit in fits])
    np.testing.assert_allclose(shares, theirs, rtol=1e-9)


def _by_month(instruments: int) -> Measurement:
    """Instruments of one venue, refitted every month and pooled, and every curve scored."""
    one = strips(days=30 * MONTHS, symbols=("A",))
    curves = pl.concat(
        one.with_columns(venue_symbol=pl.lit(f"S{number:03}")) for number in range(instruments)
    )
    found = rolling_pca(curves)
    took = median_seconds(lambda: rolling_pca(curves), REPEATS)
    what = (
        f"{instruments} instruments x {MONTHS} months: {found.models.height:,} models, "
        f"{found.scores.height:,} scores"
    )
    return Measurement(what, took, "s")


if __name__ == "__main__":
    for line in run():
        print(line)
