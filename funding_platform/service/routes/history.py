"""The past: settled rates, candles, opportunities; how funding behaved; curves and features."""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from funding_platform.core.tables.features.curves import CURVE_SNAPSHOTS
from funding_platform.core.tables.features.store import FEATURE_STORE
from funding_platform.core.tables.marts.opportunity_history import OPPORTUNITY_HISTORY
from funding_platform.core.tables.marts.statistics import (
    FUNDING_RATE_CORRELATIONS,
    FUNDING_RATE_STATS,
)
from funding_platform.core.tables.prices import PRICE_CANDLES
from funding_platform.flows.errors import NothingStoredError
from funding_platform.flows.queries import (
    candles,
    forecast_rate,
    get_features,
    narrowed,
    opportunity_history,
    predicted_with_accuracy,
    rate_correlations,
    rate_statistics,
    require_instrument,
)
from funding_platform.flows.queries.rates.statistics import PREDICTION
from funding_platform.service.desk import key_of
from funding_platform.service.documented import answers
from funding_platform.service.formats import NDJSON, Answer
from funding_platform.service.market import current_curves, current_rates, newest
from funding_platform.service.parameters import (
    Asked,
    CandlesAsked,
    CurvesAsked,
    Instant,
    Name,
    OfMarket,
    Paged,
    PairsPast,
    RatesPast,
    StatisticsAsked,
    cursor_of,
)
from funding_platform.service.past import (
    FORECASTS,
    OF_ONE_FORM,
    PAST_RATES,
    STATISTICS,
    settled_page,
)
from funding_platform.service.reader import Sources
from funding_platform.service.routes.common import BaseName, SymbolName, VenueName, desk_of

router = APIRouter(tags=["history"])


class CorrelationsAsked(Asked):
    """Which correlations."""

    base: Name | None = Field(default=None, description="Canonical base.", examples=["BTC"])
    venue: Name | None = Field(default=None, description="Either of the two.")
    period: Literal["7d", "30d", "90d"] | None = Field(
        default=None,
        description="Of it that ends at the newest settlement; all of them if left out.",
    )
    limit: int = Field(default=1_000, ge=1, le=10_000, description="Rows at most.")


class FeaturesAsked(Asked):
    """Features as of when."""

    at: Instant | None = Field(
        default=None,
        description="As they were known at this instant; now where left out.",
        examples=["2025-03-08T00:00"],
    )
    kind: Literal["settled", "live"] = Field(default="settled", description="Kind of curve.")


def _rows_of(asked: Paged, request: Request, most: int) -> int:
    """Return how many rows are read: all that may be, where they go out line by line."""
    whole = key_of(request)[2] == NDJSON and "limit" not in asked.model_fields_set
    return most if whole else asked.limit


@router.get(
    "/history/funding-rates/{venue}/{symbol:path}",
    summary="Settled rates",
    **answers(
        PAST_RATES,
        "Settlements, the oldest first; with interval their funding on a common clock, in the "
        "columns of marts.funding_rates_resampled.",
        optional=OF_ONE_FORM,
        more=STATISTICS,
    ),
)
async def settled(
    request: Request, venue: VenueName, symbol: SymbolName, asked: Annotated[RatesPast, Query()]
) -> Response:
    """List what an instrument has settled in a window of time."""
    desk = desk_of(request)
    rows = _rows_of(asked, request, desk.settings.service_rows)

    def past(sources: Sources) -> Answer:
        return settled_page(sources, venue, symbol, asked, rows)

    return await desk.answer(request, past)


@router.get(
    "/history/candles/{venue}/{symbol:path}",
    summary="Hourly bars",
    **answers(PRICE_CANDLES.columns, "Bars, the oldest first."),
)
async def bars(
    request: Request, venue: VenueName, symbol: SymbolName, asked: Annotated[CandlesAsked, Query()]
) -> Response:
    """List an instrument's hourly bars of one kind."""
    desk = desk_of(request)
    rows = _rows_of(asked, request, desk.settings.service_rows)

    def past(sources: Sources) -> Answer:
        window, after = asked.window(sources.now), asked.after(datetime)
        require_instrument(sources.lake, venue, symbol)
        found = candles(
            sources.lake,
            venue,
            symbol,
            asked.kind,
            window.start,
            window.end,
            after=after[0] if after else None,
            limit=rows,
        )
        more = cursor_of([found["open_time"][-1]]) if found.height == rows else None
        return Answer(found, newest(found, "available_at"), next_cursor=more)

    return await desk.answer(request, past)


@router.get(
    "/history/opportunities",
    summary="Past opportunities",
    **answers(OPPORTUNITY_HISTORY.columns, "Pairs hour by hour, the oldest first."),
)
async def past_opportunities(request: Request, asked: Annotated[PairsPast, Query()]) -> Response:
    """List what opportunities there were, hour by hour, for as long as they are kept."""
    desk = desk_of(request)
    rows = _rows_of(asked, request, desk.settings.service_rows)
    key = OPPORTUNITY_HISTORY.key

    def past(sources: Sources) -> Answer:
        window = asked.window(sources.now)
        after = asked.after(datetime, *(str for _ in key[1:]))
        found = opportunity_history(
            sources.lake,
            window.start,
            window.end,
            base=asked.base,
            venue=asked.venue,
            tier=asked.tier,
            after=after,
            limit=rows,
        )
        more = cursor_of(found.select(key).row(-1)) if found.height == rows else None
        return Answer(found, newest(found, "observed_at"), next_cursor=more)

    return await desk.answer(request, past)


@router.get(
    "/stats/funding-rates/{base}",
    summary="How settled rates were distributed",
    **answers(FUNDING_RATE_STATS.columns),
)
async def statistics(
    request: Request, base: BaseName, asked: Annotated[StatisticsAsked, Query()]
) -> Response:
    """Tell how the settled rates of a base's instruments were distributed, by period."""

    def told(sources: Sources) -> Answer:
        found = rate_statistics(sources.lake, base, venue=asked.venue, period=asked.period)
        return Answer(found, newest(found, "as_of"))

    return await desk_of(request).answer(request, told)


@router.get(
    "/stats/correlations",
    summary="How alike the funding of two venues moved",
    **answers(FUNDING_RATE_CORRELATIONS.columns),
)
async def correlations(request: Request, asked: Annotated[CorrelationsAsked, Query()]) -> Response:
    """Tell how alike the funding of pairs of instruments moved, by period."""

    def told(sources: Sources) -> Answer:
        found = rate_correlations(
            sources.lake,
            base=asked.base,
            venue=asked.venue,
            period=asked.period,
            limit=asked.limit,
        )
        return Answer(found, newest(found, "as_of"))

    return await desk_of(request).answer(request, told)


@router.get("/curves/{base}", summary="Funding term structures", **answers(CURVE_SNAPSHOTS.columns))
async def curves(
    request: Request, base: BaseName, asked: Annotated[CurvesAsked, Query()]
) -> Response:
    """Tell the newest usable curve of an asset on each venue, now or as it was known once."""

    def told(sources: Sources) -> Answer:
        seen = current_curves(
            sources,
            base,
            asked.source,
            asset_class=asked.asset_class,
            venue=asked.venue,
            at=asked.at,
        )
        return Answer(seen.frame, seen.as_of, seen.source, board=seen.board)

    return await desk_of(request).answer(request, told)


@router.get(
    "/features/{venue}/{symbol:path}",
    summary="Features, point in time",
    **answers(FEATURE_STORE.columns, single=True),
)
async def features(
    request: Request, venue: VenueName, symbol: SymbolName, asked: Annotated[FeaturesAsked, Query()]
) -> Response:
    """Tell the features of an instrument as they were known at an instant."""

    def told(sources: Sources) -> Answer:
        at = asked.at or datetime.now(UTC)
        found = get_features(sources.lake, at, [(venue, symbol)], kind=asked.kind)
        found = found.drop_nulls("as_of")
        if found.is_empty():
            require_instrument(sources.lake, venue, symbol)
            raise NothingStoredError(
                f"at: no {asked.kind} features of {venue} {symbol} were known at "
                f"{at:%Y-%m-%dT%H:%MZ}",
                hint="features are known for a day after they were computed; ask for an earlier at",
            )
        return Answer(found, newest(found, "available_at"), single=True)

    return await desk_of(request).answer(request, told)


def _predicted(sources: Sources, asked: OfMarket, venue: str, symbol: str) -> Answer:
    seen = current_rates(sources, asked.source)
    rate = narrowed(seen.frame, venue=venue, symbol=symbol).head(1)
    told = predicted_with_accuracy(sources.lake, rate)
    made = forecast_rate(sources.lake, venue, symbol, sources.now)
    forecast = None if made.is_empty() else made.row(0, named=True)
    return Answer(
        told, seen.as_of, seen.source, board=seen.board, single=True, more={"forecast": forecast}
    )


@router.get(
    "/predictions/funding-rate/{venue}/{symbol:path}",
    summary="The rate expected next",
    **answers(PREDICTION, single=True, more=FORECASTS),
)
async def prediction(
    request: Request, venue: VenueName, symbol: SymbolName, asked: Annotated[OfMarket, Query()]
) -> Response:
    """Tell the venue's own prediction, how near such have come, and what a plain model says."""
    return await desk_of(request).answer(
        request, partial(_predicted, asked=asked, venue=venue, symbol=symbol)
    )
