"""Why nothing is placed: a word for filters and counters, and a sentence for people."""

from dataclasses import dataclass
from enum import StrEnum


class RefusalKind(StrEnum):
    """Why an opening is refused."""

    HALTED = "halted"
    STALE_INTENT = "stale_intent"
    UNKNOWN_VENUE = "unknown_venue"
    UNKNOWN_SYMBOL = "unknown_symbol"
    CONTRACT = "contract_not_traded"
    FEES_UNKNOWN = "fees_unknown"
    SAME_INSTRUMENT = "same_instrument"
    IN_USE = "instrument_in_use"
    VENUE_UNREACHABLE = "venue_unreachable"
    CLOCK_SKEW = "clock_skew"
    NOT_TRADING = "not_trading"
    FOREIGN_POSITION = "foreign_position"
    BOOK_EMPTY = "book_empty"
    BOOK_STALE = "book_stale"
    PRICES_APART = "prices_apart"
    BELOW_MINIMUM = "below_minimum"
    ABOVE_MAXIMUM = "above_maximum"
    TOO_THIN = "too_thin"
    SLIPPAGE = "slippage"
    MARGIN = "insufficient_margin"
    OFF_PLAN = "value_off_plan"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason."""

    kind: RefusalKind
    message: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"
