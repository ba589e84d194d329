"""What may be asked for: parameters with their bounds, and the words that windows are told in."""

import base64
import re
from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, create_model

from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.core.time_grid import FIRST_PERPETUAL, Window, parse_instant
from funding_platform.service.market import Source
from funding_platform.service.problems import wrong_field

LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
_PERIOD: Final = re.compile(r"([1-9][0-9]{0,4})([hdw])")
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_LONGEST: Final = LATEST - FIRST_PERPETUAL

Name: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")
]
"""Of a venue, a base, a symbol, a run."""


def _instant(value: Any) -> Any:
    """Read an instant; a plus sign that came as a blank, as in a query, is one again."""
    if not isinstance(value, str):
        return value
    return parse_instant(value.strip().replace(" ", "+" if "T" in value else " "))


Instant: TypeAlias = Annotated[
    datetime, BeforeValidator(_instant), Field(ge=FIRST_PERPETUAL, le=LATEST)
]


def _length(value: Any) -> Any:
    found = _PERIOD.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is no period; write hours, days or weeks: 24h, 30d, 4w")
    if int(found[1]) * _UNITS[found[2]] > _LONGEST:
        raise ValueError(f"{value!r} is longer than there have been perpetuals")
    return value


Period: TypeAlias = Annotated[str, BeforeValidator(_length)]


class Asked(BaseModel):
    """Parameters of a question; one that there is not is refused, not passed over."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class OfMarket(Asked):
    """Whether the live board or the lake is asked."""

    source: Source = Field(
        default="auto",
        description="live (the collector's board), lake, or auto: the board where it is fresh.",
    )


class RatesAsked(OfMarket):
    """Which current rates."""

    venue: Name | None = Field(default=None, description="One venue.", examples=["hyperliquid"])
    base: Name | None = Field(default=None, description="Canonical base.", examples=["BTC"])
    symbol: Name | None = Field(default=None, description="A venue's own symbol.", examples=["BTC"])
    include_metadata: bool = Field(
        default=False, description="With contract facts: size, steps, status, listing."
    )


class VenueRatesAsked(OfMarket):
    """Which current rates of a venue."""

    base: Name | None = Field(default=None, description="Canonical base.", examples=["BTC"])
    include_metadata: bool = Field(default=False, description="With contract facts.")


class OneRateAsked(OfMarket):
    """How much of one current rate."""

    include_metadata: bool = Field(default=False, description="With contract facts.")


class TwoVenues(OfMarket):
    """Two venues side by side."""

    venue1: Name = Field(description="The first venue.", examples=["binance"])
    venue2: Name = Field(description="The second venue.", examples=["bybit"])
    base: Name | None = Field(default=None, description="Canonical base.", examples=["BTC"])


class Paged(Asked):
    """A window of time, page by page."""

    start: Instant | None = Field(
        default=None,
        description="First instant, ISO 8601; without a zone it is UTC.",
        examples=["2025-03-01"],
    )
    end: Instant | None = Field(
        default=None,
        description="First instant that is not of it any more; now where left out.",
        examples=["2025-03-05T12:00"],
    )
    period: Period | None = Field(
        default=None,
        description="Length in place of start, or from start on: 24h, 7d, 4w. 30d where all three "
        "are left out.",
    )
    limit: int = Field(default=1_000, ge=1, le=10_000, description="Rows of a page at most.")
    cursor: Annotated[str, StringConstraints(max_length=512)] | None = Field(
        default=None, description="next_cursor of the page before."
    )

    def window(self, now: datetime) -> Window:
        """Return the window that is meant.

        Raises
        ------
        ProblemError
            If the three contradict each other, or it ends before it starts.
        """
        length = _length_of(self.period or "30d")
        if self.period and self.start and self.end:
            raise wrong_field("period", "start and end say it already", hint="leave one out")
        if self.start and self.period:
            return Window(self.start, self.start + length)
        end = self.end or now
        start = self.start or max(end - length, FIRST_PERPETUAL)
        if start > end:
            raise wrong_field("start", f"{start:%Y-%m-%dT%H:%MZ} comes after the end")
        return Window(start, end)

    def after(self, *kinds: type) -> list[Any]:
        """Return the key of the last row of the page before; nothing where this is the first.

        Raises
        ------
        ProblemError
            If the cursor is none of ours.
        """
        if self.cursor is None:
            return []
        try:
            values = msgspec.json.decode(base64.urlsafe_b64decode(self.cursor), type=list[Any])
            return [msgspec.convert(value, kind) for value, kind in zip(values, kinds, strict=True)]
        except (ValueError, msgspec.MsgspecError):
            raise wrong_field(
                "cursor",
                "is none of this question",
                hint="give next_cursor of the page before, with the same parameters",
            ) from None


def cursor_of(key: Sequence[object]) -> str:
    """Write the key of a page's last row as a cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(list(key))).decode()


def _length_of(period: str) -> timedelta:
    return int(period[:-1]) * _UNITS[period[-1]]


class RatesPast(Paged):
    """Which settled rates of an instrument."""

    interval: Literal["1h", "4h", "8h", "1d"] | None = Field(
        default=None,
        description="Length of buckets that settlements are shared out over; as settled where left "
        "out.",
    )
    statistics: bool = Field(
        default=False, description="With the distribution of the window's settled rates."
    )


class CandlesAsked(Paged):
    """Which bars of an instrument."""

    kind: Literal["mark", "index", "trade"] = Field(
        default="mark", description="Of the fair price, the spot reference, or deals."
    )


class PairsPast(Paged):
    """Which past opportunities."""

    base: Name | None = Field(default=None, description="Canonical base.", examples=["BTC"])
    venue: Name | None = Field(default=None, description="Of either leg.")
    tier: Literal["actionable", "watch", "reject"] | None = Field(
        default=None, description="Verdict of its time."
    )


class StatisticsAsked(Asked):
    """Which statistics of a base."""

    venue: Name | None = Field(default=None, description="One venue.")
    period: Literal["1d", "7d", "30d", "90d", "all"] | None = Field(
        default=None,
        description="Of it that ends at the newest settlement; all of them if left out.",
    )


class CurvesAsked(OfMarket):
    """Which curves of a base."""

    venue: Name | None = Field(default=None, description="One venue.")
    asset_class: Name | None = Field(
        default=None, description="Which asset is meant where the base stands for several."
    )
    at: Instant | None = Field(
        default=None,
        description="As it was known at this instant, by the lake; now where left out.",
    )


def _parameter(name: str) -> tuple[Any, Any]:
    """Return a field of the filter as a parameter; a mapping is told as pairs."""
    field = OpportunityFilter.model_fields[name]
    if name == "fee_tiers":
        text = f"{str(field.description).removesuffix('.')}: VENUE=TIER, repeatable."
        return tuple[str, ...], Field(default=(), description=text)
    copied = deepcopy(field)
    if str(field.annotation).startswith("tuple"):
        copied.description = f"{str(field.description).removesuffix('.')}; repeatable."
    return field.annotation, copied


def _filter_model(
    name: str, text: str, *without: str, base: type[Asked] = OfMarket, **more: Any
) -> type[Any]:
    fields: dict[str, Any] = {
        field: _parameter(field) for field in OpportunityFilter.model_fields if field not in without
    }
    return create_model(name, __base__=base, __doc__=text, **fields, **more)


OpportunitiesAsked = _filter_model("OpportunitiesAsked", "Which opportunities.")
OfBaseAsked = _filter_model("OfBaseAsked", "Which opportunities of a base.", "bases")
ComparedAsked = _filter_model(
    "ComparedAsked",
    "Which assets of two venues, of the lake.",
    "venues",
    base=Asked,
    venue1=(Name, Field(description="The first venue.", examples=["binance"])),
    venue2=(Name, Field(description="The second venue.", examples=["bybit"])),
)
"""The fields of ``OpportunityFilter``, generated from them, as parameters."""


def filter_of(asked: BaseModel, **more: Any) -> OpportunityFilter:
    """Make the filter that parameters mean.

    Raises
    ------
    FilterError
        If they cannot be meant.
    ProblemError
        If a fee tier is no pair.
    """
    own = {"source", "venue1", "venue2"}
    stated = {name: getattr(asked, name) for name in asked.model_fields_set - own}
    if "fee_tiers" in stated:
        stated["fee_tiers"] = dict(_venue_tier(text) for text in stated["fee_tiers"])
    return OpportunityFilter.model_validate({**stated, **more})


def two_venues(asked: Any) -> tuple[str, str]:
    """Return the two venues of ``ComparedAsked``."""
    return asked.venue1, asked.venue2


def _venue_tier(text: str) -> tuple[str, str]:
    venue, equals, tier = text.partition("=")
    if not (venue and equals and tier):
        raise wrong_field("fee_tiers", f"{text!r} is not VENUE=TIER, such as binance=vip_1")
    return venue, tier
