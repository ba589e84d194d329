"""What each tool asks: of the live board where it is fresh, else of the lake."""

from collections.abc import Iterable
from typing import Final

import polars as pl

from funding_platform.agents.asked import (
    BacktestsWanted,
    CoverageWanted,
    CurvesWanted,
    HistoryWanted,
    OpportunitiesWanted,
    PairWanted,
    RatesWanted,
    StatisticsWanted,
    VenuesWanted,
)
from funding_platform.arbitrage.explanation import explain
from funding_platform.core.tables.backtests.runs import RUNS
from funding_platform.core.tables.marts.latest import COVERAGE
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.tables.schema import Column, Table, Type
from funding_platform.flows.errors import NothingStoredError
from funding_platform.flows.queries import (
    coverage_by_month,
    narrowed,
    rate_statistics,
    venue_facts,
    with_facts,
)
from funding_platform.flows.queries.venues import VENUE_FACTS, collected_venues
from funding_platform.service.formats import Answer
from funding_platform.service.health import HEALTH, health_of
from funding_platform.service.market import (
    Seen,
    current_curves,
    current_opportunities,
    current_rates,
    newest,
)
from funding_platform.service.past import settled_page
from funding_platform.service.reader import Sources


def _columns(table: Table, names: str) -> tuple[Column, ...]:
    return tuple(table.column(name) for name in names.split())


PAIRS: Final = _columns(
    OPPORTUNITIES,
    "base asset long_venue long_symbol short_venue short_symbol long_rate_8h short_rate_8h "
    "divergence_8h gross_apr cost_bps size_usd max_size_usd net_8h net_1d net_3d net_7d net_apr "
    "break_even_hours same_sign_share half_life_hours price_gap_bps min_volume_24h_usd "
    "min_open_interest_usd observed_at valid_until tier reasons",
)
"""What ``opportunities`` tells of a pair, to choose by; ``pair`` tells the rest."""

WORDS: Final = Column("words", Type.TEXT, "All of it in words.", nullable=False)

MONTHS: Final = (
    COVERAGE.column("venue"),
    Column("month", Type.TEXT, "Such as 2025-03.", nullable=False),
    Column("instruments", Type.INTEGER, "Instruments with settlements.", nullable=False),
    *_columns(COVERAGE, "present expected coverage"),
)
"""What ``coverage`` tells."""

VENUES: Final = (
    *HEALTH,
    *(column for column in VENUE_FACTS if column.name in ("title", "streamed", "history_start")),
)
"""What ``venues`` tells."""

RUN_FIGURES: Final = _columns(
    RUNS,
    "run_id name strategy window_start window_end capital_usd net_pnl_usd funding_usd fees_usd "
    "slippage_usd total_return annualised_return sharpe sharpe_low sharpe_high max_drawdown "
    "n_trades started_at finished_at",
)
"""What ``backtests`` tells of a run where none is named; else there is all of one."""


def opportunities(sources: Sources, wanted: OpportunitiesWanted) -> Answer:
    """Rank pairs of venues."""
    seen = current_opportunities(sources, wanted.filter(), wanted.source, best=wanted.best)
    return _seen(seen, seen.frame.select(_names(PAIRS)))


def pair(sources: Sources, wanted: PairWanted) -> Answer:
    """Explain one pair, with every figure of it."""
    meant = wanted.filter()
    seen = current_opportunities(sources, meant, wanted.source)
    if seen.frame.is_empty():
        raise NothingStoredError(
            f"base: {wanted.base} is no pair that is long {wanted.long_venue} and short "
            f"{wanted.short_venue}",
            hint="the other way round it may be one; find_opportunities lists those that there are",
        )
    words = [explain(row, meant.fee_mode) for row in seen.frame.iter_rows(named=True)]
    return _seen(seen, seen.frame.with_columns(pl.Series(WORDS.name, words)))


def rates(sources: Sources, wanted: RatesWanted) -> Answer:
    """Tell current rates."""
    seen = current_rates(sources, wanted.source)
    found = narrowed(seen.frame, venue=wanted.venue, base=wanted.base, symbol=wanted.symbol)
    return _seen(seen, with_facts(sources.lake, found) if wanted.include_metadata else found)


def history(sources: Sources, wanted: HistoryWanted) -> Answer:
    """Tell what an instrument has settled."""
    return settled_page(sources, wanted.venue, wanted.symbol, wanted, wanted.limit)


def statistics(sources: Sources, wanted: StatisticsWanted) -> Answer:
    """Tell how settled rates were distributed."""
    lake = sources.lake
    found = rate_statistics(lake, wanted.base, venue=wanted.venue, period=wanted.period)
    return Answer(found, newest(found, "as_of"))


def curves(sources: Sources, wanted: CurvesWanted) -> Answer:
    """Tell the term structure of an asset on each venue."""
    seen = current_curves(
        sources,
        wanted.base,
        wanted.source,
        asset_class=wanted.asset_class,
        venue=wanted.venue,
        at=wanted.at,
    )
    return _seen(seen, seen.frame)


def coverage(sources: Sources, wanted: CoverageWanted) -> Answer:
    """Tell how complete the history is."""
    found = coverage_by_month(sources.lake, venue=wanted.venue)
    return Answer(found.sort("month", "venue", descending=[True, False]), None)


def venues(sources: Sources, wanted: VenuesWanted) -> Answer:
    """Tell which venues there are, and how they are."""
    names = collected_venues(sources.settings)
    told = health_of(sources, names)
    facts = venue_facts(names).select("venue", "title", "streamed", "history_start")
    frame = told.frame.join(facts, on="venue", how="left", maintain_order="left")
    return Answer(frame, told.as_of, told.source, more=told.more)


def backtests(sources: Sources, wanted: BacktestsWanted) -> Answer:
    """Tell what backtests achieved."""
    # Brings compiled strategies, a hundred MB that the other tools do without.
    from funding_platform.flows.queries.trading.runs import run_row, stored_runs

    if wanted.run_id is None:
        found = stored_runs(sources.lake).select(_names(RUN_FIGURES))
    else:
        found = pl.DataFrame([run_row(sources.lake, wanted.run_id)], schema=RUNS.polars_schema)
    return Answer(found, newest(found, "finished_at"))


def _seen(seen: Seen, frame: pl.DataFrame) -> Answer:
    return Answer(frame, seen.as_of, seen.source, board=seen.board)


def _names(columns: Iterable[Column]) -> list[str]:
    return [column.name for column in columns]
