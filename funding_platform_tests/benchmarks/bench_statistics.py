"""Statistics of five million settlements in SQL, against a plain pandas groupby.

The peer knows one period, no gaps, no default rates, no intervals that change: it does a fifth of
the work, on a frame that is in memory already. Both yield the same means, deviations and quartiles.
"""

import json
import tempfile
from pathlib import Path

import pandas as pd
import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.lake import connect
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.benchmarks.bench_lake import (
    DECEMBER,
    SYMBOLS,
    VENUES,
    YEARS,
    settlements,
)
from funding_platform_tests.benchmarks.measurement import Measurement, seconds
from funding_platform_tests.dbt.runner import artefacts_of, run_dbt

BY_SYMBOL = ["venue", "venue_symbol"]


def run(quick: bool = False) -> list[Measurement]:
    venues = VENUES[:1] if quick else VENUES
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder) / "data")
        _build(settings, venues)
        whole = seconds(lambda: run_dbt(settings, "build").check_returncode())
        scheduled = seconds(
            lambda: run_dbt(
                settings, "build", "--exclude-resource-type", "unit_test"
            ).check_returncode()
        )
        took = _model_seconds(settings)
        models = seconds(lambda: run_dbt(settings, "run").check_returncode())
        with connect(settings) as lake:
            frame = lake.execute(
                "SELECT venue, venue_symbol, funding_time, rate_8h FROM staging.stg_funding_rates"
            ).df()
            peer = seconds(lambda: _pandas(frame))
            pairs = seconds(lambda: _pandas_correlations(frame))
            _require_agreement(lake.execute(_FIGURES).df(), _pandas(frame))
        return [
            Measurement(
                f"statistics of {len(frame):,} settlements by instrument, venue and in all, "
                "five periods (peer: by instrument, one)",
                took["int_rate_distributions"],
                "s",
                peer,
                least_ratio=0.54,
            ),
            Measurement(
                "correlations of all venue pairs, three periods (peer: one of 90 days)",
                took["funding_rate_correlations"],
                "s",
                pairs,
                least_ratio=0.16,
            ),
            Measurement("dbt run: every model, process included", models, "s", target=15),
            Measurement("dbt build as Dagster starts it: models and data tests", scheduled, "s"),
            Measurement("the same parsed anew, with dbt's unit tests", whole, "s"),
        ]


_FIGURES = (
    "SELECT venue, venue_symbol, mean_8h, sigma_8h, quartile_1_8h, median_8h, quartile_3_8h "
    "FROM marts.funding_rate_stats WHERE period = 'all' ORDER BY ALL"
)


def _pandas(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean, deviation, quartiles and autocorrelation of each instrument."""
    ordered = frame.sort_values([*BY_SYMBOL, "funding_time"])
    rates = ordered.groupby(BY_SYMBOL, sort=True)["rate_8h"]
    quartiles = rates.quantile([0.25, 0.5, 0.75]).unstack()
    figures = rates.agg(["mean", "std", "min", "max", "count"])
    figures["positive"] = (
        (ordered["rate_8h"] > 0).groupby([ordered[key] for key in BY_SYMBOL]).mean()
    )
    figures["autocorrelation"] = rates.apply(lambda one: one.autocorr(1))
    return figures.join(quartiles)


def _pandas_correlations(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """Correlations of the settlements that venues share, for each symbol, over 90 days."""
    time = frame["funding_time"]
    recent = frame[time > time.max() - pd.Timedelta(days=90)]
    return [
        one.pivot(index="funding_time", columns="venue", values="rate_8h").corr()
        for _, one in recent.groupby("venue_symbol")
    ]


def _require_agreement(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    names = ["mean", "std", 0.25, 0.5, 0.75]
    found = ours.iloc[:, 2:].to_numpy()
    assert abs(found - theirs[names].to_numpy()).max() < 1e-12


def _build(settings: Settings, venues: tuple[str, ...]) -> None:
    now = DECEMBER.end
    listed = pl.DataFrame(
        [
            {
                "venue": venue,
                "venue_symbol": f"COIN{number:03}USDT",
                "base": f"COIN{number:03}",
                "quote": "USDT",
                "multiplier": 1.0,
                "contract_type": "linear",
                "status": "trading",
            }
            for venue in venues
            for number in range(SYMBOLS)
        ]
    ).with_columns(
        pl.lit(now, dtype=UTC_TIME).alias(name) for name in ("first_seen_at", "last_seen_at")
    )
    with Lake(settings) as lake, lake.commit("benchmark", "two years") as transaction:
        transaction.append(INSTRUMENTS, INSTRUMENTS.conform(listed))
        for venue in venues:
            for year in YEARS:
                transaction.append(FUNDING_RATES, settlements(venue, year))


def _model_seconds(settings: Settings) -> dict[str, float]:
    """How long each node of the last run of dbt took, its commit included."""
    found = json.loads((artefacts_of(settings) / "target/run_results.json").read_bytes())
    return {one["unique_id"].split(".")[2]: one["execution_time"] for one in found["results"]}
