"""Settled rates beside predictions: faults of a source show, a market that moves does not."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import HOUR, from_ms, to_ms
from funding_platform.flows.checks.lake import predicted_agrees, second_opinion_agrees
from funding_platform.flows.checks.rates import (
    at_fault,
    disagreements,
    settled_and_predicted,
    two_sources,
)
from funding_platform.flows.collection.snapshots import collect_snapshots
from funding_platform.lake import connect
from funding_platform.lake.writer import Lake
from funding_platform.sandbox.server import RunningSandbox, build_market
from funding_platform.settings import Settings
from funding_platform.venues.registry import venue_names

DAY = datetime(2026, 3, 10, tzinfo=UTC)
VENUES = ("binance", "okx", "hyperliquid")

Damage = Callable[[pl.DataFrame], pl.DataFrame]


def observed(venue: str, day: datetime = DAY, symbols: int = 40) -> tuple[pl.DataFrame, ...]:
    """A day as the platform would have seen it: settlements, and a snapshot every hour."""
    after = build_market(symbols=symbols, now=day + timedelta(days=1, hours=2))
    settled = [
        (symbol.venue_symbol, from_ms(time), rate, symbol.interval_at(time))
        for symbol in after.instruments(venue)
        for rows in [after.settlements(venue, symbol.venue_symbol)]
        for time, rate in zip(rows.times_ms[-30:].tolist(), rows.rates[-30:].tolist(), strict=True)
    ]
    predicted = []
    for hour in range(26):
        now = day + hour * HOUR + timedelta(minutes=4)
        quotes = build_market(symbols=symbols, now=now).quotes(venue)
        for symbol, quote in quotes.items():
            due = from_ms(quote.next_funding_ms or to_ms(now))
            predicted.append((symbol, due, quote.predicted_rate, quote.interval_hours, now))
    return (
        _frame(settled, "venue_symbol", "funding_time", "funding_rate", "interval_hours"),
        _frame(
            predicted,
            "venue_symbol",
            "next_funding_time",
            "predicted_rate",
            "interval_hours",
            "observed_at",
        ),
    )


def _frame(rows: Sequence[tuple[object, ...]], *columns: str) -> pl.DataFrame:
    declared = {**MARKET_SNAPSHOTS.polars_schema, **FUNDING_RATES.polars_schema}
    return pl.DataFrame(
        rows, schema={name: declared[name] for name in columns}, orient="row", strict=False
    )


@pytest.fixture(scope="module")
def days() -> dict[str, tuple[pl.DataFrame, ...]]:
    return {venue: observed(venue) for venue in VENUES}


@pytest.mark.parametrize("venue", VENUES)
def test_a_day_of_the_market_raises_no_alarm(
    days: dict[str, tuple[pl.DataFrame, ...]], venue: str
) -> None:
    compared = disagreements(settled_and_predicted(*days[venue]))
    assert compared.height > 100
    assert at_fault(compared) == []
    assert compared["reason"].null_count() >= 0.99 * compared.height


rate = pl.col("funding_rate")
FAULTS: list[tuple[str, str, Damage]] = [
    ("sign", "sign", lambda settled: settled.with_columns(-rate)),
    ("percent", "hundredfold", lambda settled: settled.with_columns(rate * 100)),
    ("fraction", "hundredfold", lambda settled: settled.with_columns(rate / 100)),
    (
        "an hour late",
        "clock",
        lambda settled: settled.with_columns(pl.col("funding_time") + pl.duration(hours=1)),
    ),
    (
        "an hour early",
        "clock",
        lambda settled: settled.with_columns(pl.col("funding_time") - pl.duration(hours=1)),
    ),
]


@pytest.mark.parametrize("venue", ["binance", "okx"])
@pytest.mark.parametrize(
    ("reason", "damage"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS]
)
def test_faults_of_a_whole_venue_are_found(
    days: dict[str, tuple[pl.DataFrame, ...]], venue: str, reason: str, damage: Damage
) -> None:
    settled, predicted = days[venue]
    compared = disagreements(settled_and_predicted(damage(settled), predicted))
    assert at_fault(compared)
    assert reason in set(compared["reason"])


@pytest.mark.parametrize(("reason", "damage"), [case[1:] for case in FAULTS[:3]])
def test_faults_of_an_hourly_venue(
    days: dict[str, tuple[pl.DataFrame, ...]], reason: str, damage: Damage
) -> None:
    settled, predicted = days["hyperliquid"]
    compared = disagreements(settled_and_predicted(damage(settled), predicted))
    assert at_fault(compared)
    assert reason in set(compared["reason"])


def test_one_wrong_instrument_is_named(days: dict[str, tuple[pl.DataFrame, ...]]) -> None:
    settled, predicted = days["hyperliquid"]
    wrong = pl.when(pl.col("venue_symbol") == "BTC").then(rate * 100).otherwise(rate)
    compared = disagreements(settled_and_predicted(settled.with_columns(wrong), predicted))
    (fault,) = at_fault(compared)
    assert fault.startswith("BTC disagrees in")


def one_pair(settled: float, predicted: float, hours: float, minutes: float) -> str | None:
    """The reason for one settlement and one prediction so long before it."""
    rows = _frame(
        [("A", DAY, settled, hours)],
        "venue_symbol",
        "funding_time",
        "funding_rate",
        "interval_hours",
    )
    guess = _frame(
        [("A", DAY, predicted, hours, DAY - timedelta(minutes=minutes))],
        "venue_symbol",
        "next_funding_time",
        "predicted_rate",
        "interval_hours",
        "observed_at",
    )
    compared = disagreements(settled_and_predicted(rows, guess))
    reason: str | None = compared["reason"].item()
    return reason


@pytest.mark.parametrize(
    ("settled", "predicted", "hours", "minutes", "reason"),
    [
        (1e-4, 1e-4, 8, 5, None),
        (4e-4, 1e-4, 8, 60, None),  # 3 bp within 2 + 2
        (6e-4, 1e-4, 8, 60, "difference"),
        (12e-4, 1e-4, 8, 420, None),  # the longer before, the more it may move
        (1e-4, 0.2e-4, 1, 60, "difference"),  # 6.4 bp per eight hours
        (-1e-4, 1e-4, 8, 5, "sign"),
        (-0.3e-4, 0.3e-4, 8, 5, None),  # too small to tell
        (1e-2, 1e-4, 8, 5, "hundredfold"),
        (1e-6, 1e-4, 8, 5, "hundredfold"),
    ],
)
def test_the_tolerance(
    settled: float, predicted: float, hours: float, minutes: float, reason: str | None
) -> None:
    assert one_pair(settled, predicted, hours, minutes) == reason


def test_the_last_prediction_counts_and_none_after_the_settlement() -> None:
    settled = _frame(
        [("A", DAY + timedelta(seconds=7), 1e-4, 8.0)],
        "venue_symbol",
        "funding_time",
        "funding_rate",
        "interval_hours",
    )
    predicted = _frame(
        [
            ("A", DAY, 9e-3, 8.0, DAY - 3 * HOUR),
            ("A", DAY, 1e-4, 8.0, DAY - HOUR),
            ("A", DAY, 9e-3, 8.0, DAY + HOUR),
        ],
        "venue_symbol",
        "next_funding_time",
        "predicted_rate",
        "interval_hours",
        "observed_at",
    )
    (pair,) = settled_and_predicted(settled, predicted).rows(named=True)
    assert (pair["other_rate"], round(pair["hours_apart"], 2)) == (1e-4, 1.0)


def test_another_source_spells_symbols_its_own_way() -> None:
    own, other = two_views(1e-2, 100.0)
    (pair,) = disagreements(two_sources(own, other)).rows(named=True)
    assert (pair["reason"], pair["rate_8h"]) == ("hundredfold", 2e-2)


def two_views(rate: float, price: float | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """An instrument at 1 bp per 4 hours and a price of 100, and what another source says of it."""
    columns = (
        "venue_symbol",
        "snapshot_hour",
        "predicted_rate",
        "interval_hours",
        "mark_price",
        "observed_at",
    )
    return (
        _frame([("BTC-USDT-SWAP", DAY, 1e-4, 4.0, 100.0, DAY)], *columns),
        _frame([("btc_usdt_swap", DAY, rate, None, price, DAY + HOUR / 2)], *columns),
    )


@pytest.mark.parametrize(
    ("price", "reason"), [(100.0, None), (95.0, None), (105.0, None), (None, None), (80.0, "price")]
)
def test_another_price_is_another_market(price: float | None, reason: str | None) -> None:
    (pair,) = disagreements(two_sources(*two_views(1e-4, price))).rows(named=True)
    assert pair["reason"] == reason


def test_a_settlement_may_come_late() -> None:
    """Drift pays at the first transaction after the hour."""
    settled = _frame(
        [("BTC-PERP", DAY + timedelta(minutes=9), 1e-4, 1.0)],
        "venue_symbol",
        "funding_time",
        "funding_rate",
        "interval_hours",
    )
    predicted = _frame(
        [("BTC-PERP", DAY, 1e-4, 1.0, DAY - HOUR / 2)],
        "venue_symbol",
        "next_funding_time",
        "predicted_rate",
        "interval_hours",
        "observed_at",
    )
    (pair,) = disagreements(settled_and_predicted(settled, predicted)).rows(named=True)
    assert (pair["reason"], pair["shifted_by"]) == (None, None)


def test_the_question_to_the_lake(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    settled, predicted = observed("binance", symbols=8)
    venue = pl.lit("binance").alias("venue")
    rates = settled.with_columns(
        venue,
        pl.lit(value=False).alias("interval_inferred"),
        pl.col("funding_time").dt.round("1s"),
        pl.col("funding_time").alias("venue_time"),
        pl.lit(DAY, dtype=pl.Datetime("us", "UTC")).alias("observed_at"),
    )
    snapshots = predicted.with_columns(
        venue,
        pl.col("observed_at").dt.truncate("1h").alias("snapshot_hour"),
        pl.lit(1.0).alias("latency_ms"),
    )
    with Lake(settings) as lake, lake.commit("run", "a day") as transaction:
        transaction.append(FUNDING_RATES, FUNDING_RATES.conform(rates))
        transaction.append(MARKET_SNAPSHOTS, MARKET_SNAPSHOTS.conform(snapshots))
    with connect(settings) as connection:
        answer, flagged = predicted_agrees(connection, "binance", DAY + timedelta(days=1))
        silent, _ = predicted_agrees(connection, "okx", DAY)
    assert answer.passed
    assert flagged.is_empty()
    assert (
        answer.figures["pairs"] == disagreements(settled_and_predicted(settled, predicted)).height
    )
    assert (silent.passed, silent.figures["pairs"]) == (True, 0)


def test_coingecko_confirms_the_venues(settings: Settings, sandbox: RunningSandbox) -> None:
    collect_snapshots(venue_names(), settings, "run")
    with connect(settings) as connection:
        for venue in sorted({*venue_names()} - {"coingecko"}):
            answer, flagged = second_opinion_agrees(connection, venue, datetime.now(UTC))
            assert answer.passed, answer.verdict
            assert flagged.is_empty()
            assert int(str(answer.figures["pairs"])) > 0, venue
