"""How the columns of a foreign file map to candles or to open interest.

The unit of a volume is never guessed: the field that names its column says it.
"""

import re
from datetime import timedelta
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from funding_platform.core.tables.prices import PRICE_KINDS
from funding_platform.flows.importing.mapping import TimedMapping

PRICES = ("open", "high", "low", "close")
VOLUMES = ("volume_base", "volume_quote", "volume_contracts")

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


class BarMapping(TimedMapping):
    """Which column of a file of bars is what.

    Parameters
    ----------
    open, high, low, close
        The columns of the prices.
    volume_base, volume_quote, volume_contracts
        The columns of what was traded: in the venue's base, in the quote currency, in contracts.
    kind
        What the prices are of, for every row: ``mark``, ``index`` or ``trade``.
    kind_column
        The column that holds it.
    closed
        The column that says of a bar whether it was over when it was read, 1 or 0, true or false.
    bar
        How long every bar is: ``1m``, ``15m``, ``1h``. By default as far apart as the bars are.
    stamp
        ``start``, or ``end`` where a time is that of the end of the bar.
    quote
        The currency that the prices are quoted in, where the symbol does not say it.
    base
        The base of a spot market, where the symbol does not say it.
    """

    column_fields: ClassVar[tuple[str, ...]] = (
        "time",
        "date",
        *PRICES,
        *VOLUMES,
        "kind_column",
        "closed",
        "venue_column",
        "symbol_column",
    )
    placeholders: ClassVar[tuple[str, ...]] = ("venue", "symbol", "bar")

    open: str = "open"
    high: str = "high"
    low: str = "low"
    close: str = "close"
    volume_base: str | None = None
    volume_quote: str | None = None
    volume_contracts: str | None = None
    kind: Literal[PRICE_KINDS] | None = None  # type: ignore[valid-type]
    kind_column: str | None = None
    closed: str | None = None
    bar: str | None = None
    stamp: Literal["start", "end"] = "start"
    quote: str | None = None
    base: str | None = None

    @field_validator("bar")
    @classmethod
    def _known_length(cls, value: str | None) -> str | None:
        if value is not None:
            bar_length(value)
        return value


class OpenInterestMapping(TimedMapping):
    """Which column of a file of open interest is what.

    Parameters
    ----------
    open_interest_base, open_interest_usd
        The columns of the figure, by its unit.
    open_interest, unit_column
        One column of figures, and the one that says of each in which unit it is: a dollar, or the
        base.
    sides
        1, or 2 where the figure counts longs and shorts both: it is halved then.
    """

    column_fields: ClassVar[tuple[str, ...]] = (
        "time",
        "date",
        "open_interest_base",
        "open_interest_usd",
        "open_interest",
        "unit_column",
        "venue_column",
        "symbol_column",
    )

    open_interest_base: str | None = None
    open_interest_usd: str | None = None
    open_interest: str | None = None
    unit_column: str | None = None
    sides: Literal[1, 2] = Field()

    @field_validator("sides", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        return int(value) if str(value) in ("1", "2") else value

    @model_validator(mode="after")
    def _has_figures(self) -> "OpenInterestMapping":
        by_unit = self.open_interest_base or self.open_interest_usd
        if not by_unit and not (self.open_interest and self.unit_column):
            raise ValueError(
                "nothing says the figure: give open_interest_base, open_interest_usd, or "
                "open_interest with unit_column"
            )
        return self


def bar_length(text: str) -> timedelta:
    """How long a bar is that is called ``1m``, ``15m``, ``1h`` or ``1d``.

    Raises
    ------
    ValueError
        If it is not called so.
    """
    match = re.fullmatch(r"([1-9]\d*)([mhd])", text)
    if match is None:
        raise ValueError(f"{text!r} is not the length of a bar; write 1m, 15m or 1h")
    return int(match[1]) * _UNITS[match[2]]
