"""What an instrument is on: a coin, or a share, an index, a metal, a commodity or a currency.

A ticker is not enough to tell one asset from another: ``SPX`` is a coin and an index, ``META`` may
be either a coin or a share. So the class is part of what makes two instruments one asset.

A venue says the class in its own words, or by the place where it lists the instrument. Where it
says "not a coin" and no more, a ticker that everybody knows tells the rest. Where it says nothing
at all, only tickers that name nothing else do, and all others stay null.
"""

from typing import Final, Literal, TypeAlias

import polars as pl

AssetClass: TypeAlias = Literal["crypto", "equity", "index", "metal", "commodity", "fx", "other"]

ASSET_CLASSES: Final[tuple[AssetClass, ...]] = (
    *("crypto", "equity", "index", "metal", "commodity", "fx", "other"),
)
"""``other`` is an asset of which we know only that it may be none of the same name elsewhere."""

UNSAID: Final = "crypto"
"""What an instrument without a class is paired as: perpetuals are on coins unless someone says."""

ASSET_SQL: Final = (
    "case when {asset_class} is distinct from 'other' "
    f"then {{base}} || ' ' || coalesce({{asset_class}}, '{UNSAID}') end"
)
"""The asset that an instrument is on, in SQL; null where it can be none of another's."""

_WORDS: Final[dict[str, AssetClass]] = {
    **dict.fromkeys(("coin", "crypto"), "crypto"),
    **dict.fromkeys(("equity", "stock", "stocks", "etf", "premarket", "xstocks"), "equity"),
    **dict.fromkeys(("kr_equity", "hk_equity"), "equity"),
    **dict.fromkeys(("index", "indices"), "index"),
    **dict.fromkeys(("metal", "metals"), "metal"),
    **dict.fromkeys(("commodity", "commodities"), "commodity"),
    **dict.fromkeys(("fx", "forex"), "fx"),
}
"""Venues' words, in lower case."""

_CURRENCIES: Final = ("USD", "EUR", "GBP", "JPY", "CHF", "AUD", "CAD", "NZD", "CNH", "KRW", "MXN")

_UNMISTAKABLE: Final[dict[str, AssetClass]] = {
    **dict.fromkeys(("XAU", "XAG", "XPT", "XPD"), "metal"),
    **{a + b: "fx" for a in _CURRENCIES for b in _CURRENCIES if a != b},
}
"""Codes of ISO 4217: no coin goes by them."""

_KNOWN: Final[dict[str, AssetClass]] = {
    **_UNMISTAKABLE,
    **dict.fromkeys(_CURRENCIES, "fx"),
    **dict.fromkeys(
        ("GOLD", "SILVER", "PLATINUM", "PALLADIUM", "COPPER", "ALUMINIUM", "NICKEL", "ZINC"),
        "metal",
    ),
    **dict.fromkeys(
        (
            *("CL", "OIL", "WTI", "USOIL", "BRENT", "BRENTOIL", "UKOIL", "NATGAS", "GASOLINE"),
            *("CORN", "WHEAT", "SOYBEAN", "COCOA", "COFFEE", "SUGAR", "COTTON", "URANIUM"),
        ),
        "commodity",
    ),
    **dict.fromkeys(
        (
            *("SP500", "SPX", "US500", "SPX500", "NDX", "NAS100", "US100", "USTECH", "XYZ100"),
            *("DJI", "US30", "RUT", "US2000", "VIX", "DXY", "JP225", "NIKKEI", "HK50", "HSI"),
            *("DAX", "DE40", "GER40", "UK100", "FTSE", "EU50", "KR200", "KOSPI"),
        ),
        "index",
    ),
}
"""What these tickers stand for where it is known that they stand for no coin."""

_METALS: Final = frozenset(name for name, kind in _KNOWN.items() if kind == "metal")


def class_said(word: str | None, base: str) -> AssetClass:
    """Return the class that a venue says in a word of its own.

    Metals are told from other commodities by their tickers: venues seldom do. A word that nobody
    here knows is ``other``, unless the ticker is known.

    Parameters
    ----------
    word
        The venue's word, in any case; None or empty where it says only that it is no coin.
    base
        The canonical base.

    Examples
    --------
    >>> class_said("COMMODITY", "XAU"), class_said("EQUITY", "AAPL"), class_said("NEW", "ABC")
    ('metal', 'equity', 'other')
    """
    said = _WORDS.get((word or "").lower())
    if said == "commodity" and base in _METALS:
        return "metal"
    return said or _KNOWN.get(base, "other")


def class_of_ticker(base: str) -> AssetClass | None:
    """Return the class of a base of which nobody says anything; None unless the ticker tells."""
    return _UNMISTAKABLE.get(base)


def asset_key() -> pl.Expr:
    """Name the asset: two instruments share the text exactly where they are on one asset.

    The base and its class; of ``other`` each instrument is an asset of its own.

    Columns: ``venue``, ``venue_symbol``, ``base`` (the key is null where it is) and
    ``asset_class`` (null counts as ``UNSAID``).
    """
    said = pl.col("asset_class").fill_null(UNSAID)
    own = pl.format("{} other of {} {}", "base", "venue", "venue_symbol")
    return pl.when(said == "other").then(own).otherwise(pl.format("{} {}", "base", said))
