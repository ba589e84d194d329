"""What a pair costs and keeps, as SQL: written here, for dbt's macros and for pricing anew.

The arithmetic that backtests share, on floats and arrays, is in ``arbitrage.costs``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from string import Formatter
from typing import Final

from funding_platform.core.market.persistence import WHITE_NOISE_Z
from funding_platform.core.market.price_gap import PRICE_GAP_BPS_SQL
from funding_platform.core.tables.books.depth import SIZES_USD
from funding_platform.core.units import TENOR_HOURS


@dataclass(frozen=True, slots=True)
class Formula:
    """An SQL expression with named inputs, in braces."""

    name: str
    meaning: str
    sql: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs, in the order in which they first appear."""
        return inputs_of(self.sql)

    def of(self, **inputs: str) -> str:
        """Return the expression of some inputs; one that is not given is the column of its name."""
        return self.sql.format_map({name: name for name in self.inputs} | inputs)


def inputs_of(sql: str) -> tuple[str, ...]:
    """Return the names in braces."""
    return tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(sql) if name))


PRICE_GAP_BPS: Final = Formula(
    "price_gap_bps",
    "How far the short leg's price lies above the long leg's, in basis points.",
    PRICE_GAP_BPS_SQL,
)
FOUR_TRADES: Final = Formula(
    "four_trades", "Both legs are traded twice.", "2 * ({long_bps} + {short_bps})"
)
HALF_SPREAD_BPS: Final = Formula(
    "half_spread_bps",
    "What crossing half the spread costs: an assumed one where there is no book, nothing where "
    "the book is crossed.",
    "greatest(coalesce({spread_bps}, {assumed_spread_bps}), 0) / 2",
)
IMPACT_BPS: Final = Formula(
    "impact_bps",
    "The average price paid by an order that walks a book of constant density D dollars per basis "
    "point is size / (2 D) away from where it began; D is a share of the daily volume.",
    "{size_usd} / (2 * nullif({volume_24h_usd}, 0) * {depth_share})",
)
_ABOVE_HALF_SPREAD: Final = "({buy_bps} + {sell_bps}) / 2 - ({ask} - {bid}) / {mid} * 1e4 / 2"

BOOK_IMPACT_BPS: Final = Formula(
    "book_impact_bps",
    "What a trade of some size moves a measured book: the mean of buying and selling, from mid, "
    "less half the spread of that book, which is a cost of its own.",
    f"case when {_ABOVE_HALF_SPREAD} is not null then greatest({_ABOVE_HALF_SPREAD}, 0) end",
)


def _between_sizes() -> Iterator[str]:
    """Write the straight lines between the sizes that were measured, from none at no size."""
    (first, smallest), *_ = SIZES_USD.items()
    yield f"when {{size_usd}} <= {smallest:.0f} then {{at_{first}}} * {{size_usd}} / {smallest:.0f}"
    for (low, start), (high, end) in pairwise(SIZES_USD.items()):
        yield (
            f"when {{size_usd}} <= {end:.0f} then {{at_{low}}} + ({{at_{high}}} - {{at_{low}}})"
            f" * ({{size_usd}} - {start:.0f}) / {end - start:.0f}"
        )


MEASURED_IMPACT_BPS: Final = Formula(
    "measured_impact_bps",
    "The impact of any size, on straight lines between the sizes measured; null beyond what the "
    "book was seen to hold.",
    f"case {' '.join(_between_sizes())} end",
)
LEG_IMPACT_BPS: Final = Formula(
    "leg_impact_bps",
    "The impact of one trade of a leg: as measured, else by the model, and then no less than the "
    "largest size that was measured moves the book.",
    "case when {measured_bps} is not null then {measured_bps} when {model_bps} is not null "
    f"then greatest({{model_bps}}, coalesce("
    f"{', '.join(f'{{at_{name}}}' for name in reversed(SIZES_USD))}, 0)) end",
)
IMPACT_SOURCE: Final = Formula(
    "impact_source",
    "Which of the two it is.",
    "case when {measured_bps} is not null then 'measured' "
    "when {model_bps} is not null then 'model' end",
)
IMPACT_AT_BPS: Final = Formula(
    "impact_at_bps",
    "The impact at one of the sizes: of a leg that was measured what was measured, null included; "
    "of another by the model, in proportion to size.",
    f"case when {{at_{next(iter(SIZES_USD))}}} is not null then {{at}} "
    "else {model_bps} * {at_usd} / {size_usd} end",
)


def _up_to_the_limit() -> Iterator[str]:
    """Write where the straight lines between the sizes reach the limit, size after size."""
    names = list(SIZES_USD)
    (first, smallest), *_ = SIZES_USD.items()
    yield f"when {{at_{first}}} is null then null"
    yield (
        f"when {{at_{first}}} > {{max_impact_cost_bps}} "
        f"then {smallest:.0f} * {{max_impact_cost_bps}} / {{at_{first}}}"
    )
    for low, high in pairwise(names):
        start, end = SIZES_USD[low], SIZES_USD[high]
        yield f"when {{at_{high}}} is null then {start:.0f}"
        yield (
            f"when {{at_{high}}} > {{max_impact_cost_bps}} then {start:.0f} + {end - start:.0f} "
            f"* ({{max_impact_cost_bps}} - {{at_{low}}}) / ({{at_{high}}} - {{at_{low}}})"
        )
    yield f"else {SIZES_USD[names[-1]]:.0f}"


MAX_SIZE_USD: Final = Formula(
    "max_size_usd",
    "The largest size of each leg whose four trades have no more impact than is stated; never more "
    "than was measured, or than the largest size.",
    f"case {' '.join(_up_to_the_limit())} end",
)
TAKER_COST_BPS: Final = Formula(
    "taker_cost_bps",
    "What opening and closing costs with crossing orders.",
    "{taker_fees_bps} + {spread_cost_bps} + {impact_cost_bps}",
)
MAKER_COST_BPS: Final = Formula(
    "maker_cost_bps",
    "The same with resting orders, which pay no spread and move no price.",
    "{maker_fees_bps}",
)
NET: Final = Formula(
    "net", "What is left of the funding when the trades are paid.", "{funding} - {cost_bps} / 1e4"
)
NET_IF_HALVED: Final = Formula(
    "net_if_halved", "The same of half the funding.", "{funding} / 2 - {cost_bps} / 1e4"
)
BREAK_EVEN_HOURS: Final = Formula(
    "break_even_hours",
    "The time after which the divergence has paid the costs.",
    f"{{cost_bps}} / 1e4 * {TENOR_HOURS} / nullif({{divergence_8h}}, 0)",
)
HALF_LIFE_HOURS: Final = Formula(
    "half_life_hours",
    "The half-life of an AR(1) whose slope over lag hours was estimated from pairs that do not "
    "overlap: null where it may be white noise's or, debiased, does not decay. It is that of "
    "core/market/persistence.py.",
    f"case when ({{slope}} + 1 / {{pairs}}) * sqrt({{pairs}}) > {WHITE_NOISE_Z} "
    "and {pairs} * {slope} + 1 < {pairs} - 3 "
    "then {lag_hours} * ln(0.5) / ln(({pairs} * {slope} + 1) / ({pairs} - 3)) end",
)
TIER: Final = Formula(
    "tier",
    "The verdict, from whether any reason to reject holds and any to watch.",
    "CASE WHEN {rejected} THEN 'reject' WHEN {watched} THEN 'watch' ELSE 'actionable' END",
)

FORMULAS: Final = (
    PRICE_GAP_BPS,
    FOUR_TRADES,
    HALF_SPREAD_BPS,
    IMPACT_BPS,
    BOOK_IMPACT_BPS,
    MEASURED_IMPACT_BPS,
    LEG_IMPACT_BPS,
    IMPACT_SOURCE,
    IMPACT_AT_BPS,
    MAX_SIZE_USD,
    TAKER_COST_BPS,
    MAKER_COST_BPS,
    NET,
    NET_IF_HALVED,
    BREAK_EVEN_HOURS,
    HALF_LIFE_HOURS,
    TIER,
)


def codes_that_hold(conditions: Mapping[str, str]) -> str:
    """Return the list of the codes whose condition holds, as SQL."""
    cases = ",".join(
        f"\n        CASE WHEN {holds} THEN '{code}' END" for code, holds in conditions.items()
    )
    return f"[code FOR code IN [{cases}\n    ] IF code IS NOT NULL]"
