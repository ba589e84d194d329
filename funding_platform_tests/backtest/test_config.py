"""Configurations that contradict themselves, and strategies that misbehave."""

from collections.abc import Iterable
from typing import Any

import polars as pl
import pytest

from funding_platform.backtest.books import EXIT_REASONS
from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.errors import (
    ConfigError,
    DataError,
    NoOverlapError,
    StrategyError,
    UnknownInstrumentError,
)
from funding_platform.strategies.contract import Book, Close, MarketView, Open
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform.strategies.spot_perp_carry import SpotPerpCarry
from funding_platform_tests.backtest.markets import HOUR, START, config, provider_of, settlement

MARKET = [settlement(venue, hour, 1e-4, 8.0, 100.0) for venue in "ab" for hour in (0, 8, 16)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"capital_usd": -1.0}, "capital_usd"),
        ({"capital_usd": float("nan")}, "capital_usd"),
        ({"end": START}, "end .* is not after start"),
        ({"start": "2025-03-01T00:00:00"}, "start"),
        ({"position_usd": 1e6}, "position_usd"),
        ({"max_venue_usd": 10.0}, "max_venue_usd"),
        ({"margin": {"leverage": 50, "maintenance_rate": 0.02}}, "maintenance_rate"),
        (
            {"outages": {"stale_after_hours": 48, "delisted_after_hours": 24}},
            "delisted_after_hours",
        ),
        ({"strategy": {"name": "cross_venue_carry", "erosion": 2.0}}, "erosion"),
        ({"strategy": {"name": "astrology"}}, "strategy"),
        ({"costs": {"slipage": {}}}, "costs.slipage"),
        ({"seed": 1}, "seed: there is no such field"),
        ({"decision_hours": 1e-10}, "decision_hours"),
        ({"decision_hours": 0.99 / 60}, "decision_hours"),
        ({"entry_delay_minutes": 1e12}, "entry_delay_minutes"),
        ({"look_back_hours": -1.0}, "look_back_hours"),
        ({"look_back_hours": 1e9}, "look_back_hours"),
        ({"outages": {"stale_after_hours": 1e9}}, "outages.stale_after_hours"),
        ({"outages": {"delisted_after_hours": 1e15}}, "outages.delisted_after_hours"),
        ({"strategy": {"name": "cross_venue_carry", "horizon_hours": 1e300}}, "horizon_hours"),
        ({"strategy": {"name": "cross_venue_carry", "max_age_hours": 1e9}}, "max_age_hours"),
        ({"strategy": {"name": "spot_perp_carry", "horizon_hours": 1e300}}, "horizon_hours"),
        ({"strategy": {"name": "spot_perp_carry", "max_age_hours": 1e9}}, "max_age_hours"),
        ({"start": "0001-01-01T00:00Z"}, "start: .*2016-05-01"),
        ({"start": "0001-01-01T00:00+14:00"}, "start: .*2016-05-01"),
        ({"end": "2100-01-01T00:01Z"}, "end: .*2100-01-01"),
        ({"end": "9999-12-31T23:59-14:00"}, "end: .*2100-01-01"),
        (
            {"margin": {"leverage": 10, "maintenance_rate": 0.051}},
            "rebalance_threshold 0.5 at leverage 10 .* maintenance_rate 0.051",
        ),
        (
            {"strategy": {"name": "spot_perp_carry", "exit_rate_8h": 1e-3}},
            r"exit_rate_8h \(0.001\) is above 5.55556e-05.*entry_threshold \(0.0005\)",
        ),
    ],
)
def test_a_bad_configuration_names_its_field(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        config(24, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"margin": {"leverage": 10, "maintenance_rate": 0.05}},
        {"margin": {"leverage": 10, "maintenance_rate": 0.09, "rebalance_threshold": None}},
        {"decision_hours": 1 / 60, "look_back_hours": 0.0},
        {"start": "2016-05-01T00:00Z", "end": "2100-01-01T00:00Z"},
        {"outages": {"stale_after_hours": 87_840.0, "delisted_after_hours": 87_840.0}},
    ],
)
def test_the_bounds_themselves_will_do(changes: dict[str, Any]) -> None:
    one = config(24, **changes)
    assert one.read_from < one.window[0] < one.window[1]


def test_data_is_read_from_as_far_back_as_anything_looks() -> None:
    assert config(24).read_from == START - 168 * HOUR
    assert config(24, look_back_hours=2.5).read_from == START - 26 * HOUR
    stale = {"stale_after_hours": 200.0, "delisted_after_hours": 200.0}
    assert config(24, outages=stale).read_from == START - 200 * HOUR
    zoned = config(24, start="2025-03-01T09:00+09:00", look_back_hours=48.0).read_from
    assert zoned == START - 48 * HOUR
    assert zoned.utcoffset() == 0 * HOUR


def test_a_configuration_survives_json() -> None:
    one = config(24, strategy=CrossVenueCarry(erosion=0.3), costs={"tiers": {"binance": "vip1"}})
    assert BacktestConfig.model_validate_json(one.model_dump_json()) == one


class Answering:
    """Gives one answer at every decision."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def decide(self, market: MarketView, book: Book) -> Iterable[Any]:
        if isinstance(self.answer, Exception):
            raise self.answer
        answer: Iterable[Any] = self.answer
        return answer


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ValueError("no idea"), "raised ValueError: no idea"),
        (None, "raised TypeError"),
        ([float("nan")], "nan is no order"),
        ([Open(0, 1, size_usd=float("nan"))], "size or memo"),
        ([Open(0, 1, size_usd=-5.0)], "size or memo"),
        ([Open(0, 1, memo=float("nan"))], "size or memo"),
        ([Open(0, 0)], "one or two different legs"),
        ([Open(None, None)], "one or two different legs"),
        ([Open(0, 7)], r"outside 0\.\.1"),
        ([Close(3, "why not")], "no position 3"),
        ([Open(0, 1), Close(0, 7)], "reason that is no text"),  # type: ignore[arg-type]
        ([Open(0, 1), Close(0, ["a"])], "reason that is no text"),  # type: ignore[arg-type]
        ([Open(0, 1), Close(0, None)], "reason that is no text"),  # type: ignore[arg-type]
        ([Open(0, 1), Close(0, " ")], "reason that is no text"),
        *(
            ([Open(0, 1), Close(0, reason)], f"'{reason}'.* only the engine gives")
            for reason in EXIT_REASONS
        ),
    ],
)
def test_a_strategy_that_misbehaves_is_named_with_the_time(answer: Any, said: str) -> None:
    with pytest.raises(StrategyError, match=rf"Answering at 2025-03-01 00:00 UTC.*{said}"):
        run_backtest(config(8), provider_of(*MARKET), Answering(answer))


def test_legs_on_two_bases_are_refused() -> None:
    data = provider_of(settlement("a", 0, 0, 8.0, 1.0), settlement("b", 0, 0, 8.0, 1.0, base="ETH"))
    with pytest.raises(StrategyError, match="legs on two bases"):
        run_backtest(config(8), data, Answering([Open(0, 1)]))


def test_a_tier_may_be_of_a_venue_that_the_schedules_alone_know() -> None:
    """A configuration narrowed to some venues keeps the tiers of the others."""
    fees = pl.DataFrame(
        {
            "venue": ["a", "b", "c"],
            "tier": ["base", "base", "vip"],
            "effective_from": [START] * 3,
            "maker_bps": [1.0] * 3,
            "taker_bps": [2.0] * 3,
        }
    )
    setting = config(8, costs={"tiers": {"c": "vip"}})
    run_backtest(setting, provider_of(*MARKET, fees=fees), Answering([]))


def test_what_the_data_lacks_is_said_before_anything_runs() -> None:
    data = provider_of(*MARKET)
    with pytest.raises(UnknownInstrumentError, match="no venue 'kraken'"):
        run_backtest(config(8, venues=("kraken",)), data, Answering([]))
    with pytest.raises(UnknownInstrumentError, match="no base 'DOGE'"):
        run_backtest(config(8, bases=("DOGE",)), data, Answering([]))
    far = config(8, start=START + 9_000 * HOUR, end=START + 9_001 * HOUR)
    with pytest.raises(DataError, match="no settlement and no price"):
        run_backtest(far, data, Answering([]))
    with pytest.raises(DataError, match=r"no taker fee of a .*tier 'base'"):
        run_backtest(config(8, costs={}), data, Answering([]))
    for venue, said in (("A1", r"did you mean a\?"), ("nope", "hint: they have a, b")):
        with pytest.raises(
            UnknownInstrumentError, match=rf"(?s)costs\.tiers: no venue '{venue}'.*{said}"
        ):
            run_backtest(config(8, costs={"tiers": {venue: "vip"}}), data, Answering([]))
    with pytest.raises(NoOverlapError):
        run_backtest(config(8, venues=("a",), strategy=CrossVenueCarry()), data)
    with pytest.raises(DataError, match="needs spot prices"):
        run_backtest(config(8, strategy=SpotPerpCarry()), data)
    with pytest.raises(StrategyError, match="has no strategy"):
        run_backtest(config(8), data)
