"""Bars of the synthetic market agree with its quotes, its settlements and each other."""

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import pytest

from funding_platform.core.symbols import canonical_base
from funding_platform.core.tables.prices import PRICE_KINDS
from funding_platform.core.time_grid import DAY_MS, HOUR_MS, to_ms
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.markets.series import Candles, PriceKind, Span
from funding_platform.sandbox.server import build_market
from funding_platform.sandbox.wire.registry import WIRES
from funding_platform_tests.sandbox.conftest import NOW

VENUES: Final = [venue for venue, wire in WIRES.items() if wire.style.quotes]
KINDS: Final[tuple[PriceKind, ...]] = ("mark", "index", "trade")
EVERYTHING: Final = Span(None, None, 10**9)
HOUR_START: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


def latest(market: Market, venue: str, symbol: str, kind: PriceKind, count: int = 3) -> Candles:
    return market.candles(venue, symbol, kind, Span(None, None, count), 8)


def test_kinds_are_those_of_the_table() -> None:
    assert set(KINDS) == set(PRICE_KINDS)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("venue", VENUES)
def test_a_bar_closes_at_what_the_quotes_show_then(venue: str) -> None:
    then = build_market(symbols=12, seed=11, now=HOUR_START)
    later = build_market(symbols=12, seed=11, now=HOUR_START + timedelta(minutes=40))
    hour = Span(to_ms(HOUR_START) - HOUR_MS, to_ms(HOUR_START) - HOUR_MS, 1)
    for symbol, quote in then.quotes(venue).items():
        for kind in KINDS:
            shown = quote.index if kind == "index" else quote.mark
            bar = later.candles(venue, symbol, kind, hour, 8)
            assert bar.closes == pytest.approx([shown], abs=6e-9)


@pytest.mark.parametrize("venue", VENUES)
def test_the_bar_under_way_closes_at_what_the_quotes_show_now(market: Market, venue: str) -> None:
    for symbol, quote in list(market.quotes(venue).items())[:10]:
        for kind in KINDS:
            bar = latest(market, venue, symbol, kind, 1)
            assert bar.opens_ms.tolist() == [to_ms(HOUR_START)]
            shown = quote.index if kind == "index" else quote.mark
            assert bar.closes == pytest.approx([shown], abs=6e-9)


@pytest.mark.parametrize("minute", [1, 17, 59])
def test_whatever_is_seen_within_an_hour_lies_within_its_bar(market: Market, minute: int) -> None:
    now = HOUR_START + timedelta(minutes=minute - 60)
    seen = build_market(symbols=60, seed=11, now=now).quotes("bybit")
    for symbol, quote in seen.items():
        for kind in KINDS:
            value = quote.index if kind == "index" else quote.mark
            bar = latest(market, "bybit", symbol, kind, 2).slice(slice(0, 1))
            if kind == "trade" and bar.volumes[0] == 0:
                continue
            assert bar.lows[0] <= value <= bar.highs[0]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("venue", [v for v in VENUES if WIRES[v].style.marks_settlements])
def test_the_mark_of_a_settlement_lies_within_its_bar(market: Market, venue: str) -> None:
    for instrument in market.instruments(venue)[::6]:
        settled = market.settlements(venue, instrument.venue_symbol)
        bars = market.candles(venue, instrument.venue_symbol, "mark", EVERYTHING, 8)
        at = np.searchsorted(bars.opens_ms, settled.times_ms, side="right") - 1
        marks = settled.marks
        assert marks is not None
        assert ((bars.lows[at] <= marks) & (marks <= bars.highs[at])).all()


@pytest.mark.parametrize("kind", KINDS)
def test_bars_are_bars(market: Market, kind: PriceKind) -> None:
    for instrument in market.instruments("okx")[::3]:
        bars = market.candles("okx", instrument.venue_symbol, kind, EVERYTHING, 6)
        assert (np.diff(bars.opens_ms) == HOUR_MS).all()
        assert (bars.lows > 0).all()
        assert (bars.lows <= np.minimum(bars.opens, bars.closes)).all()
        assert (bars.highs >= np.maximum(bars.opens, bars.closes)).all()
        assert bars.opens_ms[0] == instrument.listed_ms
        end = instrument.delisted_ms or market.now_ms()
        assert end - HOUR_MS <= bars.opens_ms[-1] < end


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_by_itself_equals_the_window_of_the_whole(market: Market, kind: PriceKind) -> None:
    thin = market.instruments("backpack")[-1].venue_symbol
    whole = market.candles("backpack", thin, kind, EVERYTHING, 6)
    for first, last in ((0, 0), (100, 131), (5_000, 5_499)):
        span = Span(int(whole.opens_ms[first]), int(whole.opens_ms[last]), 10_000)
        part = market.candles("backpack", thin, kind, span, 6)
        for ours, theirs in zip(part, whole.slice(slice(first, last + 1)), strict=True):
            assert np.array_equal(ours, theirs, equal_nan=True)


def test_the_past_does_not_change_as_time_goes_on(market: Market) -> None:
    later = build_market(symbols=60, seed=11, now=NOW + timedelta(days=75))
    symbol = market.instruments("grvt")[-1].venue_symbol
    span = Span(to_ms(HOUR_START) - 50 * DAY_MS, to_ms(HOUR_START) - HOUR_MS, 2_000)
    for kind in KINDS:
        now, then = (m.candles("grvt", symbol, kind, span, 6) for m in (market, later))
        assert len(now.opens_ms) == 1_200
        for ours, theirs in zip(now, then, strict=True):
            assert np.array_equal(ours, theirs, equal_nan=True)


def test_the_oldest_or_the_newest_of_a_window(market: Market) -> None:
    start = to_ms(HOUR_START) - 100 * HOUR_MS
    for newest, first in ((False, start), (True, to_ms(HOUR_START) - 9 * HOUR_MS)):
        span = Span(start, None, 10, newest)
        bars = market.candles("binance", "BTCUSDT", "mark", span, 8)
        assert bars.opens_ms.tolist() == [first + hour * HOUR_MS for hour in range(10)]
        held = market.open_interest("binance", "BTCUSDT", HOUR_MS, span)
        assert held.times_ms.tolist() == bars.opens_ms.tolist()
    assert not len(market.candles("binance", "BTCUSDT", "trade", Span(2, 1, 10), 8).opens_ms)


def test_venues_agree_on_the_price_of_a_coin(market: Market) -> None:
    span = Span(None, None, 500)
    ours = market.candles("binance", "BTCUSDT", "index", span, 8)
    for venue in set(VENUES) - {"binance"}:
        (symbol,) = [
            i.venue_symbol
            for i in market.instruments(venue)
            if i.contract.base == "BTC" and i.contract.quote == WIRES[venue].style.quotes[0]
        ]
        theirs = market.candles(venue, symbol, "index", span, 8)
        for one, other in zip(ours[1:5], theirs[1:5], strict=True):
            assert np.abs(one / other - 1).max() < 0.0005, venue


def test_a_namesake_has_another_price() -> None:
    market = build_market(symbols=12, seed=11, now=NOW, namesakes={"bybit": ["ADA", "SOL"]})
    for symbol in ("ADAUSDT", "SOLUSDT", "BTCUSDT"):
        one, other = (market.quotes(venue)[symbol].mark for venue in ("binance", "bybit"))
        assert one is not None
        assert other is not None
        assert (abs(one / other - 1) > 0.1) == (symbol != "BTCUSDT")
        assert latest(market, "bybit", symbol, "mark", 1).closes == pytest.approx(other, abs=6e-9)


def test_nobody_deals_in_some_hours_of_an_unpopular_coin(market: Market) -> None:
    idle = 0
    for instrument in market.instruments("paradex")[-20:]:
        bars = market.candles("paradex", instrument.venue_symbol, "trade", EVERYTHING, 6)
        still = bars.volumes == 0
        idle += int(still.sum())
        for prices in (bars.opens, bars.highs, bars.lows):
            assert np.array_equal(prices[still], bars.closes[still])
        assert np.array_equal(bars.closes[1:][still[1:]], bars.closes[:-1][still[1:]])
        by_day = np.add.reduceat(~still, np.arange(0, len(still), 24))
        assert (by_day > 0).all()
    assert idle > 1_000
    popular = market.candles("paradex", "BTC-USD-PERP", "trade", EVERYTHING, 6)
    assert (popular.volumes > 0).all()


def test_a_turnover_is_worth_its_volume(market: Market) -> None:
    bars = market.candles("okx", "DOGE-USDT-SWAP", "trade", Span(None, None, 2_000), 8)
    price = bars.turnovers / bars.volumes
    assert ((bars.lows <= price) & (price <= bars.highs)).all()


def test_open_interest_is_what_the_quotes_showed() -> None:
    then = build_market(symbols=12, seed=11, now=HOUR_START)
    later = build_market(symbols=12, seed=11, now=HOUR_START + timedelta(days=9))
    moment = to_ms(HOUR_START)
    for symbol, quote in then.quotes("extended").items():
        held = later.open_interest("extended", symbol, HOUR_MS, Span(moment, moment, 1))
        assert held.base == pytest.approx([quote.open_interest], rel=1e-6, abs=1e-4)
        assert quote.mark is not None
        assert held.value == pytest.approx(held.base * quote.mark, rel=1e-6, abs=1e-2)


def test_spot_costs_what_the_index_says(market: Market) -> None:
    spot = {venue: market.spot_markets(venue) for venue in VENUES}
    assert {venue for venue, markets in spot.items() if markets} == {
        "binance", "bybit", "okx", "hyperliquid", "backpack"
    }  # fmt: skip
    span = Span(None, None, 48)
    for venue, markets in spot.items():
        for listed in markets:
            bars = market.spot_candles(venue, listed.venue_symbol, span, 8)
            assert len(bars.opens_ms) == 48
            named = [
                i
                for i in market.instruments(venue)
                if canonical_base(i.contract.base).base == listed.base
                and i.trades_at(market.now_ms())
            ]
            for instrument in named[:1]:
                index = market.candles(venue, instrument.venue_symbol, "index", span, 12)
                thousand = canonical_base(instrument.contract.base).multiplier
                assert bars.closes == pytest.approx(index.closes / thousand, rel=0.002, abs=1e-8)
