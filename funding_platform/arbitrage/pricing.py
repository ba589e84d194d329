"""Opportunities at other costs than the table was built with: fee tiers, resting orders, size.

What does not depend on fees or size is taken as it is stored, the spread cost included. Reasons
are judged again where they follow from a fee or a net; those that state a fact of the market stay.
A tier needs them of every row that is ranked, a reader only of the rows shown: ``priced`` leaves
the stored ones in place, ``with_reasons`` lists those that hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.arbitrage.formulas import (
    BREAK_EVEN_HOURS,
    FOUR_TRADES,
    IMPACT_SOURCE,
    LEG_IMPACT_BPS,
    MAKER_COST_BPS,
    MEASURED_IMPACT_BPS,
    NET,
    NET_IF_HALVED,
    TAKER_COST_BPS,
    TIER,
    codes_that_hold,
)
from funding_platform.core.tables.books.depth import SIZES_USD
from funding_platform.core.tables.marts.opportunities import HORIZONS, OPPORTUNITIES
from funding_platform.core.tables.marts.reasons import REASONS, REJECT_REASONS, WATCH_REASONS
from funding_platform.core.tables.schema import Table
from funding_platform.core.units import HOURS_PER_YEAR

_COST = {"taker": "cost_bps", "maker": "maker_cost_bps"}
_OF_TAKERS_ONLY = ("long_spread_assumed", "short_spread_assumed")
"""Say that a cost rests on an assumption, which resting orders do not pay."""

_FEES = """
SELECT
    unnest($fee_venues::VARCHAR[]) AS venue,
    unnest($fee_tiers::VARCHAR[]) AS tier,
    unnest($fee_maker_bps::DOUBLE[]) AS maker_bps,
    unnest($fee_taker_bps::DOUBLE[]) AS taker_bps
"""


@dataclass(frozen=True, slots=True)
class Fees:
    """What a venue takes at a tier, in basis points."""

    venue: str
    tier: str
    maker_bps: float | None
    taker_bps: float | None


def priced(
    wanted: OpportunityFilter, table: Table, fees: Sequence[Fees]
) -> tuple[str, dict[str, object]]:
    """Write the rows of a table at the filter's costs and horizon, as a query and its parameters.

    All but their reasons, which ``with_reasons`` adds.

    ``net_apr = net_<horizon> * 8760 / horizon hours``. Where fee mode, tiers or size are not those
    of the table, fees are the ones given, one per venue, and with the cost of the fee mode

    ``net_<horizon> = funding_<horizon> - cost / 1e4``, ``break_even_hours = 8 cost / 1e4 /
    divergence_8h``.

    The impact of another size is read off the measured books, or grows in proportion to size under
    the model that the table states.
    """
    rows = f"SELECT {', '.join(OPPORTUNITIES.column_names)} FROM {table.full_name}"
    if not wanted.prices_anew:
        return _over_horizon(rows, wanted), {}
    parameters: dict[str, object] = {
        "fee_venues": [one.venue for one in fees],
        "fee_tiers": [one.tier for one in fees],
        "fee_maker_bps": [one.maker_bps for one in fees],
        "fee_taker_bps": [one.taker_bps for one in fees],
    }
    if wanted.size_usd is not None:
        parameters["size_usd"] = wanted.size_usd
    for step in (_with_fees, _with_impacts, _with_size, _with_costs, _with_nets, _with_tier):
        rows = step(rows, wanted)
    return _over_horizon(rows, wanted), parameters


def _over_horizon(rows: str, wanted: OpportunityFilter) -> str:
    """Set ``net_apr`` over the filter's horizon."""
    return (
        f"SELECT * REPLACE ({wanted.net} * {HOURS_PER_YEAR} / {wanted.horizon_hours} AS net_apr) "
        f"FROM ({rows})"
    )


def _with_fees(rows: str, _: OpportunityFilter) -> str:
    """Set the fees of both legs; null where a venue has none in force."""
    of_legs = ", ".join(
        f"{leg}_fees.{figure} AS {leg}_{column}"
        for leg in ("long", "short")
        for column, figure in (
            ("fee_tier", "tier"),
            ("maker_bps", "maker_bps"),
            ("taker_bps", "taker_bps"),
        )
    )
    return f"""
SELECT o.* REPLACE ({of_legs}) FROM ({rows}) AS o
LEFT JOIN ({_FEES}) AS long_fees ON long_fees.venue = o.long_venue
LEFT JOIN ({_FEES}) AS short_fees ON short_fees.venue = o.short_venue"""


def _with_impacts(rows: str, wanted: OpportunityFilter) -> str:
    """Set what one trade of the filter's size moves each leg's price, and how that is known."""
    if wanted.size_usd is None:
        return rows
    found = ["$size_usd::DOUBLE AS size_usd"]
    for leg in ("long", "short"):
        known = {f"at_{name}": f"{leg}_impact_{name}_bps" for name in SIZES_USD}
        model = f"({leg}_impact_model_bps * $size_usd / size_usd)"
        impact = {
            "measured_bps": f"({MEASURED_IMPACT_BPS.of(size_usd='$size_usd', **known)})",
            "model_bps": model,
        }
        found += [
            f"{model} AS {leg}_impact_model_bps",
            f"{LEG_IMPACT_BPS.of(**impact, **known)} AS {leg}_impact_bps",
            f"{IMPACT_SOURCE.of(**impact)} AS {leg}_impact_source",
        ]
    return f"SELECT * REPLACE ({', '.join(found)}) FROM ({rows})"


def _with_size(rows: str, _: OpportunityFilter) -> str:
    """Set all four fees, and the impact of all four trades."""
    impact = (
        f", {FOUR_TRADES.of(long_bps='long_impact_bps', short_bps='short_impact_bps')} "
        "AS impact_cost_bps"
    )
    fees = ", ".join(
        f"{FOUR_TRADES.of(long_bps=f'long_{mode}_bps', short_bps=f'short_{mode}_bps')} "
        f"AS {mode}_fees_bps"
        for mode in _COST
    )
    return f"SELECT * REPLACE ({fees} {impact}) FROM ({rows})"


def _with_costs(rows: str, _: OpportunityFilter) -> str:
    """Set what opening and closing costs, crossing and resting."""
    return f"""
SELECT * REPLACE (
    {TAKER_COST_BPS.of()} AS cost_bps,
    {MAKER_COST_BPS.of()} AS maker_cost_bps
) FROM ({rows})"""


def _with_nets(rows: str, wanted: OpportunityFilter) -> str:
    """Set what is left of the funding when the trades of the fee mode are paid."""
    cost = _COST[wanted.fee_mode]
    nets = ", ".join(
        f"{NET.of(funding=f'funding_{horizon}', cost_bps=cost)} AS net_{horizon}"
        for horizon in HORIZONS
    )
    return f"""
SELECT * REPLACE (
    {nets},
    {NET_IF_HALVED.of(funding="funding_7d", cost_bps=cost)} AS net_7d_if_halved,
    {BREAK_EVEN_HOURS.of(cost_bps=cost)} AS break_even_hours
) FROM ({rows})"""


def _with_tier(rows: str, wanted: OpportunityFilter) -> str:
    """Set the verdict that the reasons amount to, which are not listed for it."""
    against = _against(wanted)
    rejects, watches = (
        " OR ".join(against[code] for code in codes if code in against)
        for codes in (REJECT_REASONS, WATCH_REASONS)
    )
    return f"SELECT * REPLACE ({TIER.of(rejected=rejects, watched=watches)} AS tier) FROM ({rows})"


def with_reasons(rows: str, wanted: OpportunityFilter) -> str:
    """Give rows that were priced anew the reasons that their tier follows from.

    To list them for every row would take as long as all else: this is for the rows shown.
    """
    codes = codes_that_hold(dict(sorted(_against(wanted).items())))
    return f"SELECT * REPLACE ({codes} AS reasons) FROM ({rows})"


def _against(wanted: OpportunityFilter) -> dict[str, str]:
    """Say by code what stands against a row: judged by fees and nets at hand, or as stored."""
    fees = {f"{leg}_fee_bps": f"{leg}_{wanted.fee_mode}_bps" for leg in ("long", "short")}
    return {
        code: reason.condition.format_map(fees)
        if reason.of_costs
        else f"list_contains(reasons, '{code}')"
        for code, reason in REASONS.items()
        if wanted.fee_mode == "taker" or code not in _OF_TAKERS_ONLY
    }
