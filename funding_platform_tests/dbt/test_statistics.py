"""The statistics against the same figures worked out in NumPy, one instrument after another."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.core.time_grid import HOUR
from funding_platform.lake import connect
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.dbt.market import Row, frame_of
from funding_platform_tests.dbt.runner import run_dbt

NEWEST = datetime(2025, 3, 10, 16, tzinfo=UTC)
SEEN = NEWEST + HOUR
FIGURES = (
    *(f"{name}_8h" for name in ("mean", "median", "sigma", "min", "max")),
    *(f"quartile_{number}_8h" for number in (1, 3)),
    *("volatility", "mean_apr", "share_positive", "share_at_default", "autocorrelation"),
)
DAYS = {"1d": 1, "7d": 7, "30d": 30, "90d": 90, "all": 100_000}
PHASES = {
    ("binance", "STEADY"): [(8, 400)],
    ("hyperliquid", "HOURLY"): [(1, 3000)],
    ("bybit", "CHANGING"): [(8, 200), (1, 60), (4, 200)],
    ("okx", "ONCE"): [(8, 1)],
    ("okx", "CONSTANT"): [(8, 300)],
    ("okx", "ONE YIELD"): [(8, 200), (1, 400)],
    ("deribit", "NO DEFAULT"): [(1, 400)],
    ("aster", "STOPPED"): [(8, 100)],
}


STEADY = ("CONSTANT", "ONE YIELD")
"""What pays the same per hour at every settlement."""


def settlements(dice: random.Random) -> list[Row]:
    rows: list[Row] = []
    for (venue, symbol), phases in PHASES.items():
        end = NEWEST - timedelta(days=20) if symbol == "STOPPED" else NEWEST
        due = end - sum((interval * count for interval, count in phases), 0) * HOUR
        for interval, count in phases:
            for number in range(count):
                due += interval * HOUR
                if number not in (0, count - 1) and dice.random() < 0.05:
                    continue
                usual = 1e-4 * interval / 8
                drawn = usual if dice.random() < 0.3 else round(dice.gauss(usual, usual), 8)
                rows.append(
                    {
                        "venue": venue,
                        "venue_symbol": symbol,
                        "funding_time": due + timedelta(seconds=dice.randrange(3) * (due < end)),
                        "funding_rate": usual if symbol in STEADY else drawn,
                        "interval_hours": float(interval),
                        "interval_inferred": False,
                        "venue_time": due,
                        "observed_at": SEEN,
                    }
                )
    first = rows[0]["funding_time"]
    unknown = {"venue": "okx", "venue_symbol": "UNKNOWN", "interval_hours": None}
    rows += [{**rows[0], **unknown, "funding_time": first + n * HOUR} for n in range(3)]
    return rows


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, pl.DataFrame]:
    """A lake of random histories with their statistics, and the histories."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("statistics") / "data")
    rows = settlements(random.Random(5))
    listed = [
        {
            "venue": venue,
            "venue_symbol": symbol,
            "base": "BTC",
            "quote": "USDT",
            "multiplier": 1.0,
            "contract_type": "linear",
            "status": "trading",
            "first_seen_at": SEEN,
            "last_seen_at": SEEN,
        }
        for venue, symbol in PHASES
    ]
    frame = frame_of(FUNDING_RATES, rows)
    with Lake(settings) as lake, lake.commit("run", "histories") as transaction:
        transaction.append(FUNDING_RATES, frame)
        transaction.append(INSTRUMENTS, frame_of(INSTRUMENTS, listed))
    outcome = run_dbt(settings, "build", "--exclude-resource-type", "test", "unit_test")
    assert outcome.returncode == 0, outcome.stdout[-4000:]
    return settings, frame


def read(settings: Settings, sql: str) -> pl.DataFrame:
    with connect(settings) as connection:
        return connection.execute(sql).pl()


def autocorrelation(rows: list[Row]) -> float | None:
    """Of neighbours about one interval apart."""
    pairs = [
        (one["rate_8h"], other["rate_8h"])
        for one, other in pairwise(rows)
        if (other["funding_time"] - one["funding_time"]) < 1.5 * other["interval_hours"] * HOUR
    ]
    if len(pairs) < 3 or len({one for one, _ in pairs}) == 1 or len({two for _, two in pairs}) == 1:
        return None
    return float(np.corrcoef(np.array(pairs).T)[0, 1])


def missing(all_rows: list[Row], start: datetime, *, trading: bool) -> int:
    """Instants at which something was due in the period and nothing is there."""
    due = []
    for one, other in pairwise(all_rows):
        step = other["interval_hours"] * HOUR
        at = other["funding_time"] - step
        while at - one["funding_time"] > step / 2:
            due.append(at)
            at -= step
    last = all_rows[-1]
    at = last["funding_time"] + last["interval_hours"] * HOUR
    while trading and at + HOUR / 2 <= NEWEST:
        due.append(at)
        at += last["interval_hours"] * HOUR
    return sum(start < at <= NEWEST for at in due)


def expected_statistics(history: pl.DataFrame, days: int, default: float | None) -> Row:
    start = NEWEST - timedelta(days=days) if days < 1e4 else datetime(1970, 1, 1, tzinfo=UTC)
    every = history.sort("funding_time").with_columns(
        rate_8h=pl.col("funding_rate") * 8 / pl.col("interval_hours")
    )
    rows = every.filter(pl.col("funding_time") > start)
    rate, interval = rows["rate_8h"].to_numpy(), rows["interval_hours"].to_numpy()
    paid = rows["funding_rate"].to_numpy()
    found: Row = {
        "settlements": rows.height,
        "expected": rows.height + missing(every.rows(named=True), start, trading=True),
        "unscaled": 0,
    }
    figures: Row = dict.fromkeys(FIGURES)
    if rows.height:
        spread = rows.height > 1
        figures = {
            "mean_8h": rate.mean(),
            "median_8h": np.median(rate),
            "sigma_8h": rate.std(ddof=1) if spread else None,
            "min_8h": rate.min(),
            "quartile_1_8h": np.quantile(rate, 0.25),
            "quartile_3_8h": np.quantile(rate, 0.75),
            "max_8h": rate.max(),
            "volatility": volatility(paid, interval) if spread else None,
            "mean_apr": paid.sum() / interval.sum() * 8760,
            "share_positive": (rate > 0).mean(),
            "share_at_default": None
            if default is None
            else np.isclose(rate, default, rtol=0, atol=1e-9).mean(),
            "autocorrelation": autocorrelation(rows.rows(named=True)),
        }
    return {**found, **figures}


def volatility(paid: np.ndarray, interval: np.ndarray) -> float:
    """What each settlement paid beyond the mean yield of its hours, squared, over all hours."""
    beyond = paid - paid.sum() / interval.sum() * interval
    scaled = (beyond**2).sum() / interval.sum() * 8760 * len(paid) / (len(paid) - 1)
    return 0.0 if np.abs(beyond).max() < 1e-15 else float(np.sqrt(scaled))


@pytest.mark.world
def test_one_yield_does_not_vary_through_a_change_of_interval(
    world: tuple[Settings, pl.DataFrame],
) -> None:
    """Case 28: 10.95 % a year, paid every 8 hours and then every hour."""
    sql = (
        "SELECT period, mean_apr, volatility FROM marts.funding_rate_stats "
        "WHERE venue_symbol = 'ONE YIELD' AND settlements > 1"
    )
    rows = read(world[0], sql)
    assert rows.height >= 3
    assert rows["mean_apr"].to_list() == pytest.approx([0.1095] * rows.height)
    assert rows["volatility"].to_list() == [0.0] * rows.height


@pytest.mark.world
@pytest.mark.parametrize("instrument", PHASES, ids=lambda key: key[1])
def test_statistics_agree_with_numpy(
    world: tuple[Settings, pl.DataFrame], instrument: tuple[str, str]
) -> None:
    settings, frame = world
    venue, symbol = instrument
    rows = {
        row["period"]: row
        for row in read(
            settings, f"FROM marts.funding_rate_stats WHERE venue_symbol = '{symbol}'"
        ).rows(named=True)
    }
    assert set(rows) == set(DAYS)
    for period, days in DAYS.items():
        history = frame.filter(venue_symbol=symbol)
        expected = expected_statistics(history, days, None if venue == "deribit" else 1e-4)
        assert rows[period]["as_of"] == NEWEST
        for name, value in expected.items():
            wanted = value if value is None else pytest.approx(value, rel=1e-9, abs=1e-13)
            assert rows[period][name] == wanted, (period, name)


@pytest.mark.world
def test_an_unknown_interval_is_counted_and_not_scaled(
    world: tuple[Settings, pl.DataFrame],
) -> None:
    (row,) = read(
        world[0],
        "FROM marts.funding_rate_stats WHERE venue_symbol = 'UNKNOWN' AND period = 'all'",
    ).rows(named=True)
    assert (row["settlements"], row["expected"], row["unscaled"], row["base"]) == (3, 3, 3, None)
    assert row["mean_8h"] is None
    assert row["mean_apr"] is None


@pytest.mark.world
def test_all_venues_are_the_pooled_settlements(world: tuple[Settings, pl.DataFrame]) -> None:
    settings, frame = world
    pooled = read(settings, "FROM marts.venue_funding_stats WHERE period = 'all'")
    for row in pooled.rows(named=True):
        of = frame if row["venue"] == "all venues" else frame.filter(venue=row["venue"])
        known = of.filter(pl.col("interval_hours").is_not_null())
        rate = (known["funding_rate"] * 8 / known["interval_hours"]).to_numpy()
        assert row["settlements"] == of.height
        assert row["median_8h"] == pytest.approx(np.median(rate), rel=1e-9)
        assert row["mean_apr"] == pytest.approx(
            float(known["funding_rate"].sum()) / float(known["interval_hours"].sum()) * 8760,
            rel=1e-9,
        )
    assert set(pooled["venue"]) == {*frame["venue"], "all venues"}


def spread_out(rows: list[Row]) -> dict[tuple[str, datetime], float]:
    """Funding by symbol and hour, share by share."""
    hours: dict[tuple[str, datetime], float] = {}
    for row in rows:
        last = (row["funding_time"] + HOUR / 2).replace(minute=0, second=0)
        count = int(row["interval_hours"] or 1)
        for back in range(count):
            at = (row["venue_symbol"], last - back * HOUR)
            hours[at] = hours.get(at, 0.0) + row["funding_rate"] / count
    return hours


@pytest.mark.world
@pytest.mark.parametrize("resolution", [1, 4, 8, 24])
def test_resampling_neither_loses_nor_multiplies_funding(
    world: tuple[Settings, pl.DataFrame], resolution: int
) -> None:
    settings, frame = world
    buckets = read(
        settings, f"FROM marts.funding_rates_resampled WHERE resolution_hours = {resolution}"
    )
    expected: dict[tuple[str, datetime], float] = {}
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for (symbol, hour), rate in spread_out(frame.rows(named=True)).items():
        end = epoch + -((epoch - hour) // (resolution * HOUR)) * (resolution * HOUR)
        expected[symbol, end] = expected.get((symbol, end), 0.0) + rate
    found = {
        (row["venue_symbol"], row["bucket_end"]): row["funding_rate"]
        for row in buckets.rows(named=True)
    }
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-15)
    for name in PHASES:
        paid = frame.filter(venue_symbol=name[1])
        held = buckets.filter(venue_symbol=name[1])
        assert held["funding_rate"].sum() == pytest.approx(paid["funding_rate"].sum(), rel=1e-9)
        assert held["settlements"].sum() == paid.height


@pytest.mark.world
def test_correlations_agree_with_numpy(world: tuple[Settings, pl.DataFrame]) -> None:
    settings, _ = world
    whole = read(
        settings,
        "FROM marts.funding_rates_resampled WHERE resolution_hours = 8 AND covered_hours >= 8",
    )
    found = read(settings, "FROM marts.funding_rate_correlations").rows(named=True)
    assert {row["period"] for row in found} == {"7d", "30d", "90d"}
    for row in found:
        start = NEWEST - timedelta(days=DAYS[row["period"]])
        one, other = (
            whole.filter(venue=row[f"venue_{n}"], venue_symbol=row[f"symbol_{n}"]).filter(
                pl.col("bucket_end") >= start + 8 * HOUR
            )
            for n in (1, 2)
        )
        both = one.join(other, on="bucket_end")
        assert row["windows"] == both.height
        x, y = both["funding_rate"].to_numpy(), both["funding_rate_right"].to_numpy()
        if row["correlation"] is None:
            assert both.height < 3 or min(np.ptp(x), np.ptp(y)) < 1e-11
        else:
            assert row["correlation"] == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-6)
    constant = [row for row in found if "CONSTANT" in (row["symbol_1"], row["symbol_2"])]
    assert constant
    assert all(row["correlation"] is None for row in constant)
