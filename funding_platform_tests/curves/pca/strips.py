"""Strips of curves to fit, and models beside those of scikit-learn."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from funding_platform.core.tables.features.curves import BUCKETS, CURVE_SNAPSHOTS
from funding_platform.core.tables.features.pca import PCA_COMPONENTS
from funding_platform.curves.pca.rolling import WINDOW_DAYS

START = datetime(2025, 1, 1, tzinfo=UTC)
TENOR = timedelta(hours=8)
DAY = timedelta(days=1)
PER_WINDOW = 3 * WINDOW_DAYS
SYMBOLS = ("A", "B", "C")

Floats = NDArray[np.float64]
Row = dict[str, Any]


def strips(days: int = 150, symbols: tuple[str, ...] = SYMBOLS, seed: int = 1) -> pl.DataFrame:
    """Settled curves of a level, a slope and a bend that wander, and some noise."""
    random = np.random.default_rng(seed)
    n = 3 * days
    shapes = np.stack([np.ones(8), np.linspace(-1, 1, 8), np.cos(np.linspace(0, 2 * np.pi, 8))])
    frames = []
    for symbol in symbols:
        weights = random.normal(size=(n, 3)) * [0.3, 0.1, 0.05]
        values = 0.1 + weights @ shapes + random.normal(scale=0.01, size=(n, 8))
        frames.append(curves(values, symbol))
    return pl.concat(frames)


def curves(values: Floats, symbol: str = "A") -> pl.DataFrame:
    """Usable settled curves, one per boundary from the first after ``START`` on."""
    as_of = [START + (k + 1) * TENOR for k in range(len(values))]
    frame = pl.DataFrame(
        {
            "venue": ["okx"] * len(values),
            "venue_symbol": symbol,
            "as_of": as_of,
            "kind": "settled",
            **{name: values[:, k] for k, name in enumerate(BUCKETS)},
            "n_interpolated": 0,
            "usable": True,
            "available_at": [time + timedelta(seconds=1) for time in as_of],
        }
    )
    return frame.cast(CURVE_SNAPSHOTS.polars_schema)


def loadings(model: Row) -> Floats:
    return np.array([[model[f"{pc}_{name}"] for name in BUCKETS] for pc in PCA_COMPONENTS])
