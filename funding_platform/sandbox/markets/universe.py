"""Which contracts the synthetic venues list: coins by popularity, quotes, listings, intervals.

All venues draw from one list of coins, so most coins trade on several of them. Every choice is a
hash of (seed, venue, symbol): adding a venue changes no other.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, product

import numpy as np

from funding_platform.core.symbols import canonical_base
from funding_platform.core.time_grid import DAY_MS
from funding_platform.sandbox.errors import SandboxError
from funding_platform.sandbox.markets.market import Contract, Instrument, SpotMarket, VenueStyle
from funding_platform.sandbox.markets.noise import draw, key, uniform

KNOWN_PRICES = {
    "BTC": 62_000.0, "ETH": 2_600.0, "SOL": 140.0, "XRP": 0.9, "BNB": 580.0, "DOGE": 0.16,
    "HYPE": 33.0, "ADA": 0.55, "SUI": 2.1, "LINK": 14.0, "AVAX": 26.0, "PEPE": 0.000009,
    "SHIB": 0.000017, "BONK": 0.00002, "LTC": 85.0, "TON": 4.5, "DOT": 5.5, "UNI": 7.5,
    "AAVE": 160.0, "INJ": 18.0, "TIA": 5.0, "FLOKI": 0.00015, "LUNC": 0.0001,
}  # fmt: skip
"""Around what the price of a well-known coin moves, in USD: round figures, for recognition."""

TRADFI_PRICES = {
    "AAPL": 230.0, "XAU": 2_650.0, "TSLA": 340.0, "NVDA": 140.0, "EUR": 1.05, "SP500": 5_900.0,
    "XAG": 31.0, "MSFT": 430.0,
}  # fmt: skip
"""Around what the prices of shares, metals, currencies and indices move."""

_TICKERS = [
    "BTC", "ETH", "SOL", "XRP", "BNB", "DOGE", "HYPE", "ADA", "SUI", "LINK", "AVAX", "PEPE",
    "SHIB", "BONK", "LTC", "TON", "DOT", "UNI", "AAVE", "INJ", "TIA", "NEAR", "APT", "ARB", "OP",
    "FIL", "ATOM", "TRX", "ETC", "BCH", "WIF", "ENA", "SEI", "WLD", "FLOKI", "ORDI", "LDO",
    "RUNE", "ICP", "XLM", "HBAR", "POL", "ALGO", "FTM", "CRV", "MKR", "JUP", "PYTH", "STX", "IMX",
    "GALA", "SAND", "MANA", "AXS", "GRT", "SNX", "DYDX", "COMP", "SUSHI", "YFI", "ZRX", "BAT",
    "ENJ", "CHZ", "KAVA", "ROSE", "ONE", "ZIL", "IOTA", "XMR", "ZEC", "DASH", "EOS", "XTZ",
    "THETA", "VET", "EGLD", "FLOW", "KSM", "QTUM", "NEO", "WAVES", "ONDO", "PENDLE", "STRK", "ZK",
    "ZRO", "EIGEN", "ETHFI", "JTO", "RENDER", "FET", "TAO", "AR", "GMX", "BLUR", "MAGIC", "MASK",
    "APE", "ENS", "SSV", "RPL", "LPT", "RSR", "1INCH", "CAKE", "BAND", "STORJ", "OCEAN", "ANKR",
    "CELO", "SKL", "COTI", "CTSI", "LUNC", "TRUMP", "BERA", "KAITO", "0G",
]  # fmt: skip
_SYLLABLES = ["".join(pair) for pair in product("BDFGKLMNPRSTVZ", "AEIOU")]
MAJORS = 40
"""Every venue lists the most popular coins; they trade from the first day and do not leave."""

MAX_SYMBOLS = 3_000
"""More than any venue lists, and what the list of made-up tickers is good for."""


@dataclass(frozen=True, slots=True)
class Coin:
    """A canonical asset: its popularity (0 = the most traded) and the price it moves around.

    Coins of one ``name`` have the same price everywhere unless they are different assets.
    """

    name: str
    rank: int
    price: float
    asset: str


def coins(seed: int, count: int) -> list[Coin]:
    """List the ``count`` most popular coins: real tickers first, then made-up ones."""
    names = list(islice(chain(_TICKERS, _made_up()), count))
    return [
        Coin(name, rank, KNOWN_PRICES.get(name) or _price(seed, name), name)
        for rank, name in enumerate(names)
    ]


def _made_up() -> Iterator[str]:
    names = map("".join, product(_SYLLABLES, repeat=2))
    return (name for name in names if name not in _TICKERS)


def _price(seed: int, name: str) -> float:
    """Draw anything from 0.01 to 100 USD, evenly on a log scale."""
    return float(10 ** (4 * uniform(draw(key(seed, "price level", name), 0))[0] - 2))


def _namesake(seed: int, venue: str, coin: Coin) -> Coin:
    """Make another asset under the name of a coin, known to one venue only."""
    asset = f"{coin.name} of {venue}"
    return replace(coin, asset=asset, price=_price(seed, asset))


def listings(
    style: VenueStyle, seed: int, symbols: int, start_ms: int, namesakes: Collection[str] = ()
) -> list[tuple[Coin, Instrument]]:
    """List the contracts that a venue lists over time.

    About one in twenty is quoted in the second quote, one in twenty is on no coin and one in
    twenty-five is inverse, where the venue has such contracts. Listings are spread over the first
    1000 days, so a market whose present lies earlier shows fewer than ``symbols``. Of the
    ``namesakes`` among the coins, the venue lists another asset.
    """
    if not 1 <= symbols <= MAX_SYMBOLS:
        raise SandboxError(
            f"cannot list {symbols} symbols per venue", hint=f"choose 1 to {MAX_SYMBOLS}"
        )
    if not style.quotes:
        return []
    second = symbols // 20 if len(style.quotes) > 1 else 0
    inverse = symbols // 25 if style.inverse_quote else 0
    others = list(style.tradfi.items())[: symbols // 20]
    linear = symbols - second - inverse - len(others)
    universe = coins(seed, math.ceil(linear * 1.25))
    chance = uniform(draw(key(seed, "chosen by", style.venue), np.arange(len(universe))))
    # The unpopular are likelier to be left out, yet every venue has some of them.
    score = [-1.0 if c.rank < MAJORS else chance[c.rank] + c.rank / linear for c in universe]
    chosen = sorted(sorted(universe, key=lambda c: score[c.rank])[:linear], key=lambda c: c.rank)
    chosen = [_namesake(seed, style.venue, c) if c.name in namesakes else c for c in chosen]
    contracts = [(coin, _linear(style, coin, style.quotes[0])) for coin in chosen]
    contracts += [(coin, _linear(style, coin, style.quotes[1])) for coin in chosen[:second]]
    if style.inverse_quote is not None:
        quote = style.inverse_quote
        contracts += [(coin, Contract(coin.name, quote, "inverse")) for coin in chosen[:inverse]]
    contracts += [
        (
            Coin(name, MAJORS + rank, TRADFI_PRICES[name], f"{name}, no coin"),
            Contract(spelled, style.quotes[0], "linear"),
        )
        for rank, (name, spelled) in enumerate(others)
    ]
    return [(coin, _instrument(style, seed, coin, c, start_ms)) for coin, c in contracts]


def spot_listings(
    style: VenueStyle, seed: int, listed: Sequence[Coin], start_ms: int
) -> list[tuple[Coin, SpotMarket]]:
    """List the spot markets: of popular coins that are listed, and of those that are spot alone."""
    spot = style.spot
    if spot is None:
        return []
    popular = {coin.name: coin for coin in listed if coin.rank < MAJORS}
    alone = [Coin(name, 2 * MAJORS, _price(seed, name), name) for name in spot.alone]
    return [
        (coin, _spot_market(coin, symbol, spot.quote, start_ms))
        for coin in (*popular.values(), *alone)
        if (symbol := spot.spell(coin.name)) is not None
    ]


def _spot_market(coin: Coin, symbol: str, quote: str, start_ms: int) -> SpotMarket:
    tick, step = _tick(coin.price), _step(coin.price)
    return SpotMarket(symbol, coin.name, quote, tick, step, start_ms)


def _tick(price: float) -> float:
    """Choose the least step of a price: its sixth significant digit."""
    return float(10.0 ** (math.floor(math.log10(price)) - 5))


def _step(price: float) -> float:
    """Choose the least step of a size: worth some dollars, or tenths of one."""
    return float(min(100.0, 10.0 ** math.floor(1 - math.log10(price))))


def _linear(style: VenueStyle, coin: Coin, quote: str) -> Contract:
    return Contract(style.multipliers.get(coin.name, coin.name), quote, "linear")


def _instrument(
    style: VenueStyle, seed: int, coin: Coin, contract: Contract, start_ms: int
) -> Instrument:
    """Make a contract with its life: listing, intervals and, for a few, delisting."""
    symbol = style.spell(contract)
    chances = uniform(draw(key(seed, "life", style.venue, symbol), np.arange(16))).tolist()
    major = coin.rank < MAJORS // 2
    listed = start_ms if major or chances[0] < 0.4 else start_ms + int(1_000 * chances[1]) * DAY_MS
    leaves = not major and chances[2] < 0.06
    price = coin.price * canonical_base(contract.base).multiplier
    return Instrument(
        venue_symbol=symbol,
        contract=contract,
        contract_size=_contract_size(style, contract, price),
        tick_size=_tick(price),
        size_step=1.0
        if style.contract_usd or contract.contract_type == "inverse"
        else _step(price),
        rate_cap=min(style.rate_cap, 0.003) if major else style.rate_cap,
        listed_ms=listed,
        delisted_ms=listed + int(120 + 900 * chances[3]) * DAY_MS if leaves else None,
        intervals=_intervals(style, chances[4:], listed, steady=coin.rank < 10),
    )


def _contract_size(style: VenueStyle, contract: Contract, price: float) -> float:
    if contract.contract_type == "inverse":
        return 1.0 if style.contract_usd is None else style.contract_usd
    if style.contract_usd is None:
        return 1.0
    return float(10.0 ** math.floor(math.log10(style.contract_usd / price)))


def _intervals(
    style: VenueStyle, chances: list[float], listed_ms: int, *, steady: bool
) -> tuple[tuple[int, int], ...]:
    """Draw the interval's history: one in four tightens step by step and goes back."""
    hours = list(style.intervals)
    if steady:
        return ((listed_ms, hours[0]),)
    shares = np.cumsum(list(style.intervals.values()))
    first = hours[min(int(np.searchsorted(shares, chances[0])), len(hours) - 1)]
    history = [(listed_ms, first)]
    tighter = [step for step in (4, 1) if step < first and step in hours]
    if tighter and chances[1] < 0.25:
        day = 20 + int(380 * chances[2])
        for step, chance in zip([*tighter, first], chances[3:], strict=False):
            history.append((listed_ms + day * DAY_MS, step))
            day += 5 + int(35 * chance)
    return tuple(history)
