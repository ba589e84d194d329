"""What may be asked of each tool: the models of the service, with fewer rows."""

from typing import Annotated, Final, TypeAlias

from pydantic import Field

from funding_platform.arbitrage.filters import FeeMode, OpportunityFilter
from funding_platform.service.market import Source
from funding_platform.service.parameters import (
    Asked,
    CurvesAsked,
    Name,
    OfMarket,
    RatesAsked,
    RatesPast,
    StatisticsAsked,
)

MOST_ROWS: Final = 200
"""Of one answer: what an agent reads, it reads whole."""

_FEW: Final = 20

Limit: TypeAlias = Annotated[
    int,
    Field(ge=1, le=MOST_ROWS, description="Rows at most; complete says whether these are all."),
]


class OpportunitiesWanted(OpportunityFilter):
    """Which opportunities: every field of ``OpportunityFilter``."""

    limit: Limit = _FEW
    best: bool = Field(default=False, description="The best pair of each asset only.")
    source: Source = Field(default="auto", description=OfMarket.model_fields["source"].description)

    def filter(self) -> OpportunityFilter:
        """Return the filter that is meant, with a row more, which tells whether there are more."""
        stated = self.model_dump(
            include=self.model_fields_set & OpportunityFilter.model_fields.keys()
        )
        return OpportunityFilter.model_validate({**stated, "limit": self.limit + 1})


class PairWanted(OfMarket):
    """Which pair, at which costs."""

    base: Name = Field(description="Canonical base.", examples=["BTC"])
    long_venue: Name = Field(description="Where the long leg is.", examples=["binance"])
    short_venue: Name = Field(description="Where the short leg is.", examples=["hyperliquid"])
    fee_mode: FeeMode = Field(
        default="taker", description=OpportunityFilter.model_fields["fee_mode"].description
    )
    size_usd: float | None = Field(
        default=None, gt=0, description=OpportunityFilter.model_fields["size_usd"].description
    )
    limit: Limit = _FEW

    def filter(self) -> OpportunityFilter:
        """Return the filter that leaves this pair: of a base that several assets go by, each."""
        costs = self.model_dump(include=self.model_fields_set & {"fee_mode", "size_usd"})
        return OpportunityFilter.model_validate(
            {
                "bases": (self.base,),
                "long_venues": (self.long_venue,),
                "short_venues": (self.short_venue,),
                "limit": self.limit + 1,
                **costs,
            }
        )


class VenuesWanted(Asked):
    """Every venue that is collected."""

    limit: Limit = MOST_ROWS


class RatesWanted(RatesAsked):
    """Which current rates."""

    limit: Limit = _FEW


class HistoryWanted(RatesPast):
    """Which settled rates of which instrument."""

    venue: Name = Field(description="A venue.", examples=["binance"])
    symbol: Name = Field(description="The venue's own symbol.", examples=["BTCUSDT"])
    limit: int = Field(
        default=_FEW, ge=1, le=MOST_ROWS, description="Rows of a page at most; see next_cursor."
    )


class StatisticsWanted(StatisticsAsked):
    """Which statistics."""

    base: Name = Field(description="Canonical base.", examples=["BTC"])
    limit: Limit = MOST_ROWS


class CurvesWanted(CurvesAsked):
    """Which curves."""

    base: Name = Field(description="Canonical base.", examples=["BTC"])
    limit: Limit = MOST_ROWS


class CoverageWanted(Asked):
    """Of which venue."""

    venue: Name | None = Field(default=None, description="One venue.", examples=["binance"])
    limit: Limit = MOST_ROWS


class BacktestsWanted(Asked):
    """Which backtests."""

    run_id: Name | None = Field(
        default=None,
        description="One run, whole: its id, a beginning that no other has, or latest.",
        examples=["latest"],
    )
    limit: Limit = _FEW
