"""Which tools there are, declared once: what is asked, what is answered, in which words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pydantic import BaseModel

from funding_platform.agents import asked, questions
from funding_platform.core.tables.backtests.runs import RUNS
from funding_platform.core.tables.features.curves import CURVE_SNAPSHOTS
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.tables.marts.statistics import FUNDING_RATE_STATS
from funding_platform.core.tables.schema import Column
from funding_platform.flows.queries.rates.market import CURRENT_RATES, FACTS
from funding_platform.service.formats import Answer, answer_schema, row_schema
from funding_platform.service.health import MORE
from funding_platform.service.past import OF_ONE_FORM, PAST_RATES, STATISTICS
from funding_platform.service.reader import Sources

COMPLETE: Final = {
    "type": "boolean",
    "description": "Whether these are all rows; else narrow the question, raise limit, or give "
    "next_cursor.",
}


class Limited(Protocol):
    """What is asked of any tool says how many rows are wanted."""

    @property
    def limit(self) -> int:
        """Rows at most."""


@dataclass(frozen=True)
class Tool:
    """A tool.

    Parameters
    ----------
    name, title, text
        What agents and people know it by, and when it is the right one.
    asked
        The model of its arguments.
    ask
        Answers them.
    columns
        Of the rows.
    optional
        Columns that are there only where they were asked for.
    more
        Schemas of what stands beside the rows.
    """

    name: str
    title: str
    text: str
    asked: type[BaseModel]
    ask: Callable[[Sources, Any], Answer]
    columns: Sequence[Column]
    optional: Sequence[Column] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def input_schema(self) -> dict[str, Any]:
        """Declare the arguments as JSON Schema."""
        return self.asked.model_json_schema()

    @property
    def output_schema(self) -> dict[str, Any]:
        """Declare the answer as JSON Schema, units in the descriptions of its fields."""
        row = row_schema(self.columns, self.optional)
        return answer_schema(row, {**self.more, "complete": COMPLETE})

    def answer(self, sources: Sources, wanted: Limited) -> Answer:
        """Answer, in no more rows than are wanted."""
        found = self.ask(sources, wanted)
        complete = found.next_cursor is None and found.frame.height <= wanted.limit
        return Answer(
            found.frame.head(wanted.limit),
            found.as_of,
            found.source,
            next_cursor=found.next_cursor,
            more={**found.more, "complete": complete},
        )


TOOLS: Final = (
    Tool(
        "find_opportunities",
        "Find opportunities",
        "Rank pairs of venues, long the perpetual of an asset on one and short on the other, by "
        "what the difference of their funding earns net of fees, spreads and market impact. Rates "
        "and nets are fractions of one leg's notional, per the time in their name; costs are in "
        "basis points. explain_opportunity has everything of one.",
        asked.OpportunitiesWanted,
        questions.opportunities,
        questions.PAIRS,
    ),
    Tool(
        "explain_opportunity",
        "Explain an opportunity",
        "Tell everything that is known of one pair, in words and in figures: rates, costs and "
        "where they come from, nets by holding time, the past, and what is against it.",
        asked.PairWanted,
        questions.pair,
        (*OPPORTUNITIES.columns, questions.WORDS),
    ),
    Tool(
        "current_rates",
        "Current funding rates",
        "Tell the funding rate that each perpetual is expected to pay next and settled last, as "
        "fractions of notional, positive where longs pay shorts; rate_8h and apr compare across "
        "funding intervals.",
        asked.RatesWanted,
        questions.rates,
        (*CURRENT_RATES, *FACTS),
        optional=FACTS,
    ),
    Tool(
        "rate_history",
        "Past funding rates",
        "Tell what one perpetual has settled in a window of time, the oldest first, page by page; "
        "with interval on a common clock, with statistics its distribution. Fractions of notional.",
        asked.HistoryWanted,
        questions.history,
        PAST_RATES,
        optional=OF_ONE_FORM,
        more=STATISTICS,
    ),
    Tool(
        "rate_statistics",
        "How rates were distributed",
        "Tell how the settled rates of an asset's perpetuals were distributed, by venue and "
        "period, as fractions per 8 hours and per year.",
        asked.StatisticsWanted,
        questions.statistics,
        FUNDING_RATE_STATS.columns,
    ),
    Tool(
        "term_structure",
        "Funding term structure",
        "Tell the funding curve of an asset on each venue, now or as it was known at an instant: "
        "b0 (newest) to b7, the annualised rates of eight 8-hour windows, as fractions per year.",
        asked.CurvesWanted,
        questions.curves,
        CURVE_SNAPSHOTS.columns,
    ),
    Tool(
        "coverage",
        "How complete the history is",
        "Count settlements present and expected, by venue and month, the newest first.",
        asked.CoverageWanted,
        questions.coverage,
        questions.MONTHS,
    ),
    Tool(
        "venues",
        "Venues and their health",
        "List the venues that are collected: whether each is healthy and why not, how old its "
        "data are, and since when it has history.",
        asked.VenuesWanted,
        questions.venues,
        questions.VENUES,
        more=MORE,
    ),
    Tool(
        "backtests",
        "Backtests",
        "List stored backtests with their figures, the newest first; with run_id one of them "
        "whole, with the configuration to run it again. Money is in USD, returns are fractions.",
        asked.BacktestsWanted,
        questions.backtests,
        RUNS.columns,
        optional=[column for column in RUNS.columns if column not in questions.RUN_FIGURES],
    ),
)
"""Every one of them only reads."""
