"""The mapping that a hint suggests, by what the columns of a file are called."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from funding_platform.flows.importing.series.mapping import PRICES

UNKNOWN: Final = "..."
"""Stands in a hint for what nothing of the header says."""

_TIMES: Final = ("fundingtime", "funding_time", "open_time", "opentime", "time", "date", "stamp")
_SYMBOLS: Final = ("symbol", "instrument", "contract", "coin", "pair", "ticker", "market")


def settlement_columns(header: Sequence[str]) -> dict[str, str]:
    """Suggest fields of a mapping of settled rates."""
    return {
        "time": _time(header),
        "rate": _like(header, "realized", "rate", "funding", "fr") or UNKNOWN,
        "rate_unit": "fraction",
        **_named(header, "venue", "venue", "exchange"),
        **_named(header, "symbol", *_SYMBOLS),
    }


def bar_columns(header: Sequence[str], told: Mapping[str, Any]) -> dict[str, str]:
    """Suggest fields of a mapping of bars that were not told."""
    time = _time(header)
    others = [name for name in header if name != time]
    suggested = {
        "time": time,
        **{name: _price(others, name) for name in PRICES},
        **_named(header, "kind", "kind", unknown="trade"),
        **_named(header, "venue", "venue", "exchange"),
        **_named(header, "symbol", *_SYMBOLS),
    }
    return _untold(suggested, told)


def open_interest_columns(header: Sequence[str], told: Mapping[str, Any]) -> dict[str, str]:
    """Suggest fields of a mapping of open interest that were not told."""
    suggested = {
        "time": _time(header),
        "open_interest_base": _like(header, "interest", "oi") or UNKNOWN,
        "sides": "1",
        **_named(header, "venue", "venue", "exchange"),
        **_named(header, "symbol", *_SYMBOLS),
    }
    return _untold(suggested, told)


def _untold(suggested: Mapping[str, str], told: Mapping[str, Any]) -> dict[str, str]:
    """Leave out what was told, be it by column or for all rows."""
    known = {name.removesuffix("_column") for name in told}
    if any(name.startswith("open_interest") for name in told):
        known.add("open_interest_base")
    return {
        name: value
        for name, value in suggested.items()
        if name.removesuffix("_column") not in known
    }


def _time(header: Sequence[str]) -> str:
    exact = next((name for name in header if name.casefold() in ("t", "ts")), None)
    return _like(header, *_TIMES) or _like(header, "ts") or exact or UNKNOWN


def _price(header: Sequence[str], name: str) -> str:
    """Find the column of a price: called so, with more words around it, or by its first letter."""
    short = next((column for column in header if column.casefold() == name[0]), None)
    return _like(header, name) or short or UNKNOWN


def _named(
    header: Sequence[str], field: str, *words: str, unknown: str = UNKNOWN
) -> dict[str, str]:
    """Suggest the column that names a thing, else one name for all rows."""
    column = _like(header, *words)
    return {f"{field}_column": column} if column else {field: unknown}


def _like(header: Sequence[str], *words: str) -> str | None:
    """Find the column that is called by the first word possible, or has it in its name."""
    folded = {name: name.casefold() for name in header}
    return next(
        (
            name
            for word in words
            for fits in (str.__eq__, str.__contains__)
            for name in header
            if fits(folded[name], word)
        ),
        None,
    )
