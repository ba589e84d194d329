"""Whose a symbol is: from what a file calls an instrument to what its venue calls it.

A second spelling would make a second series of one instrument, in the statistics too. What cannot
be resolved is refused by name; a symbol that the venue no longer lists is taken, and named.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

import polars as pl

from funding_platform.core.symbols import canonical_base

COIN_MARGINED: Final = "binance_coinm"
"""Binance's COIN-M contracts are a venue of their own; ``binance`` is USD-M."""

_COIN_MARGINED = re.compile(r"(?:BNB|[A-Z0-9]*[A-Z0-9](?<!B))USD(?P<form>_PERP)?")
"""Quoted in dollars that are no coin: ``BTCUSD_PERP``, ``BTCUSD``, but not ``BTCBUSD``."""

_UNIFIED = re.compile(
    r"(?P<base>[^/:]+)/(?P<quote>[^/:-]+)(?::(?P<settle>[^/:-]+))?(?P<dated>-\d.*)?"
)
"""ccxt's spelling: ``BTC/USDT:USDT``."""

_NAMES: Final = {
    ("aster", "quote"): "{base}{quote}",
    ("binance", "quote"): "{base}{quote}",
    ("binance", "base"): "{base}{quote}_PERP",
    (COIN_MARGINED, "base"): "{base}{quote}_PERP",
    ("bybit", "base"): "{base}{quote}",
    ("bybit", "USDC"): "{base}PERP",
    ("bybit", "USDT"): "{base}{quote}",
    ("gate", "USDT"): "{base}_{quote}",
    ("okx", "base"): "{base}-{quote}-SWAP",
    ("okx", "quote"): "{base}-{quote}-SWAP",
}
"""How venues form a symbol, by what it settles in; without instruments in the lake."""

_DATED = re.compile(
    r"[A-Z0-9]*[A-Z].*(?<!XPERP)[-_](?:\d{6}|\d{8}|\d{1,2}[A-Z]{3}\d{2})(?:-[\d.]+-[CP])?(?:-USD[TC])?"
)
"""Futures and options name their day: ``BTCUSDT_260327``, ``BTC-27MAR26``. OKX's X-Perps name one
that is years ahead."""

_SPOT_OF_OKX = re.compile(r"[A-Z0-9]+-(?!SWAP)[A-Z0-9]+")
"""``BTC-USDT``: of OKX no perpetual is called so, and its index is."""

_DECORATION = re.compile(r"(?i)\.P$|PERPETUAL|PERP|SWAP|[^A-Z0-9]")


class Unresolved(Exception):  # noqa: N818
    """A symbol that its venue does not have; with what would work as ``hint``."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Resolved(NamedTuple):
    """A venue's own symbol, and what a reader should know of how it was found."""

    venue: str
    symbol: str
    note: str | None = None


class Symbols:
    """The instruments that the lake knows, to look symbols up in.

    Parameters
    ----------
    instruments
        ``venue``, ``venue_symbol``, ``base``, ``quote``, ``settle``, ``multiplier`` and
        ``contract_type``.
    """

    def __init__(self, instruments: pl.DataFrame) -> None:
        self._by_venue: dict[str, list[dict[str, object]]] = {}
        for row in instruments.iter_rows(named=True):
            self._by_venue.setdefault(row["venue"], []).append(row)

    def resolve(self, venue: str, symbol: str, *, told: bool) -> Resolved:
        """Find the instrument that a file means.

        Parameters
        ----------
        told
            Whether the venue was named, rather than known from the layout.

        Raises
        ------
        Unresolved
            If the venue has no such symbol, and it is a spelling of one that it has, or one that
            no venue uses.
        """
        unified = _UNIFIED.fullmatch(symbol)
        if unified is not None:
            return self._from_unified(venue, symbol, unified)
        listed = self._symbols(venue)
        if symbol not in listed and _DATED.fullmatch(symbol):
            raise _expiring()
        coin_margined = _COIN_MARGINED.fullmatch(symbol)
        if venue in ("binance", COIN_MARGINED) and coin_margined is not None:
            return _coin_margined(venue, symbol, coin_margined, told=told)
        if venue == "okx" and symbol not in listed and _SPOT_OF_OKX.fullmatch(symbol):
            raise Unresolved(
                "is a spot market or an index of okx, and no perpetual",
                f"--map table=spot_candles, or --map symbols={symbol}={symbol}-SWAP",
            )
        if not listed or symbol in listed:
            return Resolved(venue, symbol)
        meant = [one for one in listed if _plain(one) == _plain(symbol)]
        if meant:
            raise Unresolved(
                f"is not a symbol of {venue}, which lists {' and '.join(sorted(meant))}",
                f"--map 'symbols={symbol}={sorted(meant)[0]}'",
            )
        return Resolved(
            venue, symbol, f"{venue} does not list {symbol}: taken for one that it has delisted"
        )

    def _symbols(self, venue: str) -> set[str]:
        return {str(row["venue_symbol"]) for row in self._by_venue.get(venue, ())}

    def _from_unified(self, venue: str, symbol: str, parts: re.Match[str]) -> Resolved:
        """Find the venue's own symbol for one of ccxt's."""
        tell = f"--map 'symbols={symbol}=...'"
        if parts["dated"]:
            raise _expiring()
        base, quote, settle = parts["base"], parts["quote"], parts["settle"] or parts["quote"]
        found = self._named(venue, base, quote, settle)
        if len(found) == 1:
            return Resolved(venue, found[0], f"{symbol} is {found[0]} of {venue}")
        if found:
            raise Unresolved(f"may be {', '.join(sorted(found))} of {venue}", tell)
        if self._symbols(venue):
            raise Unresolved(f"is not listed on {venue} as far as the lake knows", tell)
        kind = "base" if settle == base else "quote"
        form = _NAMES.get((venue, settle)) or _NAMES.get((venue, kind))
        if form is None:
            raise Unresolved(
                f"is ccxt's spelling, and no instruments of {venue} are in the lake",
                f"collect them with `funding collect {venue}`, or say which it is: {tell}",
            )
        name = form.format(base=base, quote=quote)
        if venue == "binance" and kind == "base":
            venue = COIN_MARGINED
        return Resolved(venue, name, f"{symbol} is taken for {name} of {venue}")

    def _named(self, venue: str, base: str, quote: str, settle: str) -> list[str]:
        """Find listed instruments with these currencies: all three, else without the quote."""
        canonical = canonical_base(base)
        rows = [
            row
            for row in self._by_venue.get(venue, ())
            if (row["base"], row["multiplier"]) == (canonical.base, canonical.multiplier)
        ]
        inverse = settle == base
        exact = [row for row in rows if (row["quote"], row["settle"]) == (quote, settle)]
        alike = [
            row
            for row in rows
            if (row["contract_type"] == "inverse") == inverse
            and settle in (row["quote"], row["settle"])
        ]
        return [str(row["venue_symbol"]) for row in exact or alike]


def resolve_all(
    symbols: Symbols, pairs: Iterable[tuple[str, str]], *, told: bool
) -> tuple[dict[tuple[str, str], Resolved], dict[tuple[str, str], Unresolved]]:
    """Resolve every pair of venue and symbol: say what it is, or why that is not known."""
    resolved: dict[tuple[str, str], Resolved] = {}
    unresolved: dict[tuple[str, str], Unresolved] = {}
    for venue, symbol in pairs:
        try:
            resolved[venue, symbol] = symbols.resolve(venue, symbol, told=told)
        except Unresolved as error:
            unresolved[venue, symbol] = error
    return resolved, unresolved


def _expiring() -> Unresolved:
    return Unresolved(
        "is a contract with an expiry, which pays no funding",
        "leave its rows out, or the file: --exclude",
    )


def _coin_margined(venue: str, symbol: str, parts: re.Match[str], *, told: bool) -> Resolved:
    """Put a COIN-M contract under the venue that has them."""
    name = symbol if parts["form"] else f"{symbol}_PERP"
    if venue == COIN_MARGINED:
        return Resolved(venue, name)
    if told:
        raise Unresolved(
            "is a COIN-M contract, and binance is USD-M", f"--map venue={COIN_MARGINED}"
        )
    return Resolved(COIN_MARGINED, name, f"{symbol} is a COIN-M contract: under {COIN_MARGINED}")


def _plain(symbol: str) -> str:
    """Strip a symbol of what spellings differ in."""
    return _DECORATION.sub("", symbol).upper()
