"""The synthetic market: deterministic, consistent between windows and venues, and true to form."""

from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.core.symbols import canonical_base
from funding_platform.core.time_grid import DAY_MS, HOUR_MS
from funding_platform.sandbox.errors import SandboxError
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.markets.noise import key, value_noise
from funding_platform.sandbox.server import build_market, running_sandbox
from funding_platform.sandbox.wire.registry import WIRES
from funding_platform_tests.sandbox.conftest import NOW

VENUES = [venue for venue, wire in WIRES.items() if wire.style.quotes]
"""All but the aggregators, which list nothing of their own."""
REQUESTS = [
    "/binance/fapi/v1/exchangeInfo",
    "/binance/fapi/v1/premiumIndex",
    "/binance/fapi/v1/fundingRate?symbol=1000PEPEUSDT&limit=1000",
    "/bybit/v5/market/tickers?category=linear",
    "/bybit/v5/market/funding/history?category=inverse&symbol=BTCUSD",
    "/okx/api/v5/public/funding-rate?instId=ANY",
    "/okx/api/v5/public/funding-rate-history?instId=ETH-USDT-SWAP",
    "/binance/fapi/v1/klines?symbol=1000PEPEUSDT&interval=1h&limit=1000",
    "/bybit/v5/market/kline?category=spot&symbol=ETHUSDT&interval=60",
    "/okx/api/v5/rubik/stat/contracts/open-interest-history?instId=ETH-USDT-SWAP&period=1H",
]


def test_same_seed_and_present_give_the_same_bytes(client: httpx.Client) -> None:
    with running_sandbox(build_market(symbols=60, seed=11, now=NOW)) as twin:
        for path in REQUESTS:
            assert httpx.get(twin.url + path, timeout=60).content == client.get(path).content, path


def test_another_seed_gives_another_market(market: Market) -> None:
    other = build_market(symbols=60, seed=12, now=NOW)
    ours, theirs = (m.settlements("binance", "BTCUSDT").rates for m in (market, other))
    assert not np.array_equal(ours[-100:], theirs[-100:])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("venue", VENUES)
def test_the_past_does_not_change_as_time_goes_on(market: Market, venue: str) -> None:
    later = build_market(symbols=60, seed=11, now=NOW + timedelta(days=75))
    for instrument in market.instruments(venue)[:8]:
        now = market.settlements(venue, instrument.venue_symbol)
        then = later.settlements(venue, instrument.venue_symbol)
        assert len(then.times_ms) > len(now.times_ms)
        assert np.array_equal(then.times_ms[: len(now.times_ms)], now.times_ms)
        assert np.array_equal(then.rates[: len(now.rates)], now.rates)


@given(start=st.integers(0, 400), length=st.integers(1, 60))
def test_noise_of_a_window_equals_the_window_of_the_noise(start: int, length: int) -> None:
    octaves = ((3.0, 1.0), (50.0, 2.0))
    hours = np.arange(460, dtype=np.float64) + 480_000
    whole = value_noise(key(1, "noise"), hours, octaves)
    part = value_noise(key(1, "noise"), hours[start : start + length], octaves)
    assert np.array_equal(part, whole[start : start + length])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("venue", VENUES)
def test_nothing_is_settled_after_now_before_listing_or_after_delisting(
    market: Market, venue: str
) -> None:
    left = 0
    for instrument in market.instruments(venue):
        times = market.settlements(venue, instrument.venue_symbol).times_ms
        end = min(market.now_ms(), instrument.delisted_ms or market.now_ms())
        assert instrument.listed_ms < times[0]
        assert times[-1] <= end + WIRES[venue].style.jitter_ms[1]
        left += not instrument.trades_at(market.now_ms())
        assert (np.diff(times) > 0).all()
    assert len(market.quotes(venue)) == len(market.instruments(venue)) - left


@pytest.mark.parametrize("venue", VENUES)
def test_lateness_of_the_stamps(market: Market, venue: str) -> None:
    least, most = WIRES[venue].style.jitter_ms
    symbol = market.instruments(venue)[0].venue_symbol
    late = market.settlements(venue, symbol).times_ms % HOUR_MS
    assert least <= late.min() <= late.max() <= most
    assert late.max() - late.min() >= 0.9 * (most - least)


def test_settlements_follow_the_interval_history() -> None:
    market = build_market(symbols=300, now=NOW)
    changing = [i for i in market.instruments("binance") if len(i.intervals) > 2]
    assert {hours for i in changing for _, hours in i.intervals} >= {8, 4, 1}
    for instrument in changing[:10]:
        times = market.settlements("binance", instrument.venue_symbol).times_ms // HOUR_MS
        for time, gap in zip(times[1:].tolist(), np.diff(times).tolist(), strict=True):
            in_force = instrument.interval_at((time - 1) * HOUR_MS)
            assert in_force is not None
            # A wider gap is an outage, and it is a whole number of intervals.
            assert gap % in_force == 0


def test_outages_lose_settlements(market: Market) -> None:
    hours = market.settlements("hyperliquid", "BTC").times_ms // HOUR_MS
    gaps = np.diff(hours)
    assert 1 <= (gaps > 1).sum() <= 6
    assert gaps.max() <= 6


def test_quiet_markets_rest_at_the_interest_rate_and_wild_ones_at_the_cap() -> None:
    market = build_market(symbols=300, now=NOW)
    rates = []
    for instrument in market.instruments("bybit"):
        history = market.settlements("bybit", instrument.venue_symbol)
        assert np.abs(history.rates).max() <= instrument.rate_cap
        rates.append(history.rates)
    every = np.concatenate(rates)
    assert 0.3 < np.isin(every, [0.0001, 0.00005, 0.000025, 0.0000125]).mean() < 0.8
    assert every.max() > 0.005
    assert every.min() < -0.005


def test_venues_share_coins_and_their_moods(market: Market) -> None:
    bases = [{canonical_base(i.contract.base).base for i in market.instruments(v)} for v in VENUES]
    assert len(set.intersection(*bases)) >= 40
    binance, bybit = (market.settlements(v, "BTCUSDT") for v in ("binance", "bybit"))
    by_hour = dict(zip((bybit.times_ms // HOUR_MS).tolist(), bybit.rates.tolist(), strict=True))
    pairs = [
        (rate, by_hour[hour])
        for hour, rate in zip(
            (binance.times_ms // HOUR_MS).tolist(), binance.rates.tolist(), strict=True
        )
        if hour in by_hour
    ]
    assert 0.5 < np.corrcoef(np.array(pairs).T)[0, 1] < 0.99


def test_prices_compare_after_the_multiplier(market: Market) -> None:
    one = market.quotes("binance")["1000PEPEUSDT"].index
    other = market.quotes("okx")["PEPE-USDT-SWAP"].index
    assert one is not None
    assert other is not None
    assert one / 1_000 == pytest.approx(other, rel=1e-3)


def test_the_estimate_becomes_the_settled_rate() -> None:
    settles = datetime(2026, 3, 1, 16, tzinfo=UTC)
    before = build_market(symbols=20, now=settles - timedelta(seconds=1)).quotes("okx")
    after = build_market(symbols=20, now=settles + timedelta(seconds=1))
    estimate = before["BTC-USDT-SWAP"]
    settled = after.settlements("okx", "BTC-USDT-SWAP")
    assert estimate.next_funding_ms == settled.times_ms[-1]
    assert estimate.predicted_rate == pytest.approx(settled.rates[-1], abs=1e-6)
    assert after.quotes("okx")["BTC-USDT-SWAP"].last_rate == settled.rates[-1]


def test_listings_arrive_over_time() -> None:
    early, late = (
        build_market(symbols=200, now=datetime(year, 1, 1, tzinfo=UTC)).instruments("okx")
        for year in (2024, 2026)
    )
    assert 80 < len(early) < len(late) == 200


@pytest.mark.parametrize("symbols", [0, 1_000_000])
def test_a_size_that_cannot_be_had(symbols: int) -> None:
    with pytest.raises(SandboxError, match="hint: choose 1 to"):
        build_market(symbols=symbols)


@pytest.mark.parametrize("symbols", [1, pytest.param(3_000, marks=pytest.mark.world)])
def test_the_smallest_and_the_largest_market(symbols: int) -> None:
    market = build_market(symbols=symbols, now=NOW)
    names = [i.venue_symbol for i in market.instruments("binance")]
    assert len(set(names)) == symbols


def test_retention_is_enforced_only_on_request(client: httpx.Client, market: Market) -> None:
    known = market.settlements("okx", "BTC-USDT-SWAP").times_ms
    horizon = market.now_ms() - 92 * DAY_MS
    edge = int(np.searchsorted(known, horizon))
    path = "/okx/api/v5/public/funding-rate-history"
    query = {"instId": "BTC-USDT-SWAP", "after": str(known[edge + 16])}
    with running_sandbox(market, enforce_retention=True) as forgetful:
        kept = httpx.get(forgetful.url + path, params=query, timeout=60).json()["data"]
    assert [int(row["fundingTime"]) for row in kept] == known[edge : edge + 16][::-1].tolist()
    assert len(client.get(path, params=query).json()["data"]) == 100
