"""What can stand against an opportunity: codes, what each means, and when it holds.

dbt's macros and the SQL that prices opportunities anew are both made from these declarations.
"""

from dataclasses import dataclass
from typing import Final

TIERS: Final = ("actionable", "watch", "reject")
"""Best first. ``reject`` has a reason of ``REJECT_REASONS``, ``watch`` one of ``WATCH_REASONS``."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Something that stands against a pair.

    Parameters
    ----------
    meaning
        What it says, for people.
    condition
        When it holds, in SQL over a pair, whose legs are the structs ``long`` and ``short``. Names
        in braces are inputs: limits, and the fee that a leg is charged. A condition that is null
        because a figure is unknown does not hold; that has a code of its own.
    of_costs
        Whether it follows from what trading costs, and has to be judged anew at other costs; the
        others state a fact of the market. Its condition names no struct.
    """

    meaning: str
    condition: str
    of_costs: bool = False


def _either_leg(
    code: str, meaning: str, condition: str, *, of_costs: bool = False
) -> dict[str, Reason]:
    """Declare a reason that may lie with either leg, called ``LEG`` here."""
    return {
        f"{leg}_{code}": Reason(
            meaning.replace("LEG", leg), condition.replace("LEG", leg), of_costs
        )
        for leg in ("long", "short")
    }


REJECT_REASONS: Final = {
    **_either_leg(
        "stale",
        "The LEG leg was seen longer before the newest observation than its own interval allows.",
        "LEG.stale",
    ),
    **_either_leg("halted", "The LEG leg is not listed as trading.", "LEG.status <> 'trading'"),
    **_either_leg("rate_unknown", "The LEG leg shows no predicted rate.", "LEG.rate IS NULL"),
    **_either_leg(
        "interval_unknown",
        "The LEG leg's funding interval is unknown.",
        "LEG.interval_hours IS NULL",
    ),
    **_either_leg(
        "fee_unknown",
        "No fees are known of the LEG leg's venue.",
        "{LEG_fee_bps} IS NULL",
        of_costs=True,
    ),
    **_either_leg(
        "volume_unknown",
        "The LEG leg's turnover is unknown or 0: it may not trade at all.",
        "coalesce(LEG.volume_24h_usd, 0) = 0",
    ),
    "price_gap_wide": Reason(
        "The mark prices lie further apart than one asset's should.",
        "abs(price_gap_bps) > {wide_price_gap_bps}",
    ),
    "price_gap_unknown": Reason(
        "A mark price is unknown: the legs may not be the same asset.", "price_gap_bps IS NULL"
    ),
    "no_divergence": Reason("Both legs pay the same rate.", "divergence_8h = 0"),
    "no_net_in_7d": Reason(
        "Seven days of funding at today's rates do not pay the costs.",
        "net_7d <= 0",
        of_costs=True,
    ),
}
"""What makes a pair no opportunity, by code."""

WATCH_REASONS: Final = {
    **_either_leg(
        "open_interest_unknown",
        "The LEG leg's open interest is unknown.",
        "LEG.open_interest_usd IS NULL",
    ),
    **_either_leg(
        "spread_assumed",
        "The LEG leg shows no book: its spread is an assumption.",
        "LEG.spread_bps IS NULL",
    ),
    **_either_leg(
        "clock_unknown",
        "When the LEG leg settles next is unknown: its funding is counted pro rata.",
        "LEG_next_funding_time IS NULL",
    ),
    "thin_open_interest": Reason(
        "The smaller open interest is too small to hide in.",
        "min_open_interest_usd < {thin_open_interest_usd}",
    ),
    "thin_volume": Reason(
        "The smaller turnover is too small to trade in.", "min_volume_24h_usd < {thin_volume_usd}"
    ),
    "no_net_in_3d": Reason(
        "Three days of funding at today's rates do not pay the costs.",
        "net_3d <= 0",
        of_costs=True,
    ),
    "no_net_if_halved": Reason(
        "Half of seven days' funding does not pay the costs.",
        "net_7d_if_halved <= 0",
        of_costs=True,
    ),
    "lost_over_7d": Reason(
        "The settled funding of the last 7 days was no gain.", "settled_7d <= 0"
    ),
    "past_unknown": Reason(
        "The settled funding of the last 7 days is incomplete.", "settled_7d IS NULL"
    ),
    "flickering": Reason(
        "The divergence often had the other sign in the last 7 days, or was 0.",
        "same_sign_share < {min_same_sign_share}",
    ),
}
"""What keeps a pair from being acted upon, by code."""

REASONS: Final = {**REJECT_REASONS, **WATCH_REASONS}
"""Every reason, by code."""
