"""What a pair costs and keeps, as SQL: written here, for dbt's macros and for pricing anew.

The arithmetic that backtests share, on floats and arrays, is in ``arbitrage.costs``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Final

from funding_platform.core.persistence import WHITE_NOISE_Z
from funding_platform.core.price_gap import PRICE_GAP_BPS_SQL
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
    "core/persistence.py.",
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
