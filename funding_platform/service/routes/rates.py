"""Funding rates as they stand, and opportunities."""

from functools import partial
from typing import Annotated

import polars as pl
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.flows.queries import compare_rates, compare_venues, narrowed, with_facts
from funding_platform.flows.queries.rates.market import COMPARED_RATES, CURRENT_RATES, FACTS
from funding_platform.flows.queries.trading.opportunities import COMPARISON_COLUMNS
from funding_platform.service.documented import answers
from funding_platform.service.formats import Answer
from funding_platform.service.market import (
    Seen,
    current_opportunities,
    current_rates,
    newest,
)
from funding_platform.service.parameters import (
    ComparedAsked,
    OfBaseAsked,
    OfMarket,
    OneRateAsked,
    OpportunitiesAsked,
    RatesAsked,
    TwoVenues,
    VenueRatesAsked,
    filter_of,
    two_venues,
)
from funding_platform.service.problems import wrong_field
from funding_platform.service.reader import Sources
from funding_platform.service.routes.common import BaseName, SymbolName, VenueName, desk_of

router = APIRouter(tags=["market"])

_RATES = (*CURRENT_RATES, *FACTS)
_RATES_TEXT = (
    "Rates expected next and settled last, with the market around them; the contract facts only "
    "with include_metadata."
)
_PAIRS_TEXT = (
    "Pairs, net of all costs. The live board hands out its best 500, those of each asset among "
    "them; source=lake has all."
)


def _answer(seen: Seen, frame: pl.DataFrame, *, single: bool = False) -> Answer:
    return Answer(frame, seen.as_of, seen.source, board=seen.board, single=single)


def _rates(
    sources: Sources,
    asked: OfMarket,
    *,
    venue: str | None = None,
    base: str | None = None,
    symbol: str | None = None,
    facts: bool = False,
    single: bool = False,
) -> Answer:
    seen = current_rates(sources, asked.source)
    frame = narrowed(seen.frame, venue=venue, base=base, symbol=symbol)
    if facts:
        frame = with_facts(sources.lake, frame)
    return _answer(seen, frame, single=single)


@router.get(
    "/funding-rates", summary="Current rates", **answers(_RATES, _RATES_TEXT, optional=FACTS)
)
async def funding_rates(request: Request, asked: Annotated[RatesAsked, Query()]) -> Response:
    """List the current rate of every instrument, or of those of a venue, base or symbol."""
    return await desk_of(request).answer(
        request,
        partial(
            _rates,
            asked=asked,
            venue=asked.venue,
            base=asked.base,
            symbol=asked.symbol,
            facts=asked.include_metadata,
        ),
    )


@router.get(
    "/funding-rates/compare",
    summary="Current rates of two venues",
    **answers(COMPARED_RATES, "Assets that both list, the largest difference first."),
)
async def compared_rates(request: Request, asked: Annotated[TwoVenues, Query()]) -> Response:
    """Set the current rates of two venues side by side, contract by contract."""
    if asked.venue1 == asked.venue2:
        raise wrong_field("venue2", "is the first venue", hint="name two different venues")

    def compared(sources: Sources) -> Answer:
        seen = current_rates(sources, asked.source)
        for venue in (asked.venue1, asked.venue2):
            narrowed(seen.frame, venue=venue)
        bases = [asked.base] if asked.base else []
        return _answer(seen, compare_rates(seen.frame, asked.venue1, asked.venue2, bases))

    return await desk_of(request).answer(request, compared)


@router.get(
    "/funding-rates/{venue}",
    summary="Current rates of a venue",
    **answers(_RATES, _RATES_TEXT, optional=FACTS),
)
async def funding_rates_of_venue(
    request: Request, venue: VenueName, asked: Annotated[VenueRatesAsked, Query()]
) -> Response:
    """List the current rates of one venue."""
    return await desk_of(request).answer(
        request,
        partial(_rates, asked=asked, venue=venue, base=asked.base, facts=asked.include_metadata),
    )


@router.get(
    "/funding-rates/{venue}/{symbol:path}",
    summary="The current rate of an instrument",
    **answers(_RATES, _RATES_TEXT, single=True, optional=FACTS),
)
async def funding_rate(
    request: Request,
    venue: VenueName,
    symbol: SymbolName,
    asked: Annotated[OneRateAsked, Query()],
) -> Response:
    """Tell the current rate of one instrument."""
    return await desk_of(request).answer(
        request,
        partial(
            _rates,
            asked=asked,
            venue=venue,
            symbol=symbol,
            facts=asked.include_metadata,
            single=True,
        ),
    )


def _pairs(sources: Sources, asked: OfMarket, *, best: bool = False, **more: object) -> Answer:
    seen = current_opportunities(sources, filter_of(asked, **more), asked.source, best=best)
    return _answer(seen, seen.frame)


@router.get(
    "/opportunities", summary="Opportunities", **answers(OPPORTUNITIES.columns, _PAIRS_TEXT)
)
async def opportunities(
    request: Request,
    asked: Annotated[OpportunitiesAsked, Query()],  # type: ignore[valid-type]  # generated
) -> Response:
    """Rank pairs of venues that may earn the difference of their funding."""
    return await desk_of(request).answer(request, partial(_pairs, asked=asked))


@router.get(
    "/opportunities/best",
    summary="The best opportunity of each asset",
    **answers(OPPORTUNITIES.columns, _PAIRS_TEXT),
)
async def best_opportunities(
    request: Request,
    asked: Annotated[OpportunitiesAsked, Query()],  # type: ignore[valid-type]  # generated
) -> Response:
    """Rank the best pair of each asset."""
    return await desk_of(request).answer(request, partial(_pairs, asked=asked, best=True))


@router.get(
    "/opportunities/compare",
    summary="Opportunities between two venues",
    **answers(COMPARISON_COLUMNS, "Assets that both list, as opportunities; of the lake."),
)
async def compared_opportunities(
    request: Request,
    asked: Annotated[ComparedAsked, Query()],  # type: ignore[valid-type]  # generated
) -> Response:
    """Set two venues side by side: every asset that both list, with its costs and net."""

    def compared(sources: Sources) -> Answer:
        found = compare_venues(sources.lake, *two_venues(asked), filter_of(asked))
        return Answer(found, newest(found, "observed_at"))

    return await desk_of(request).answer(request, compared)


@router.get(
    "/opportunities/symbol/{base}",
    summary="Opportunities of a base",
    **answers(OPPORTUNITIES.columns, _PAIRS_TEXT),
)
async def opportunities_of_base(
    request: Request,
    base: BaseName,
    asked: Annotated[OfBaseAsked, Query()],  # type: ignore[valid-type]  # generated
) -> Response:
    """Rank the pairs of one base."""
    return await desk_of(request).answer(request, partial(_pairs, asked=asked, bases=(base,)))
