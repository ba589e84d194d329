"""How much: US dollars as one quantity of base on both legs, each in what its contract is for.

    lot      = least common multiple of both quantity steps
    quantity = floor(size_usd / max(mid_long, mid_short) / lot) * lot
    size     = quantity, or the US dollars that it is at the leg's mid where that is inverse

Both legs are the same quantity, so that the pair is worth the same wherever the price goes; the
dearer venue decides, so that neither leg is worth more than was asked for.

An inverse leg of ``N`` dollars is ``N / mid`` of base, which is no whole number of steps elsewhere.
Then the lot is the coarser of both steps, in base at the mids, and a leg of the finer step takes
the nearest multiple of its own: both are alike within half of that step. What is held alike is the
base at the mids that were decided on. A fill away from its mid makes the base of that leg,
``N / e``, another by just its slippage, and so it stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Context, Decimal
from math import lcm
from typing import Final

from funding_platform.core.trading import InstrumentLimits, payoffs
from funding_platform.execution.pair.pairs import LEGS, InstrumentRef, LegName
from funding_platform.execution.pair.refusals import Refusal, RefusalKind

_DIGITS: Final = Context(prec=15, rounding=ROUND_DOWN)
"""A lot that is a quotient is kept to so many digits, never too large: so many steps are one."""


@dataclass(frozen=True, slots=True)
class Size:
    """A quantity of base for both legs, the lot, and the size that each leg orders."""

    quantity: Decimal
    lot: Decimal
    of_leg: Mapping[LegName, Decimal] = field(default_factory=dict)


def common_step(first: Decimal, second: Decimal) -> Decimal:
    """Return the smallest quantity that is a whole number of both steps."""
    digits = max(-int(step.normalize().as_tuple().exponent) for step in (first, second))
    scale = Decimal(10) ** max(digits, 0)
    return Decimal(lcm(int(first * scale), int(second * scale))) / scale


def lot_of(limits: Mapping[LegName, InstrumentLimits], mids: Mapping[LegName, Decimal]) -> Decimal:
    """Return the base by which legs may differ and still be alike, at their mids."""
    if lot_is_common(limits):
        return common_step(*(limits[leg].quantity_step for leg in LEGS))
    steps = (
        payoffs.base_of(limits[leg].inverse, limits[leg].quantity_step, mids[leg]) for leg in LEGS
    )
    return _DIGITS.create_decimal(max(steps))


def size_pair(
    size_usd: Decimal,
    mids: Mapping[LegName, Decimal],
    limits: Mapping[LegName, InstrumentLimits],
    instruments: Mapping[LegName, InstrumentRef],
) -> tuple[Size, list[Refusal]]:
    """Return the size of each leg, and why it cannot be ordered; no reasons where it can."""
    lot = lot_of(limits, mids)
    quantity = int(size_usd / max(mids.values()) / lot) * lot
    sizes = {
        leg: limits[leg].nearest_quantity(
            payoffs.size_of_base(limits[leg].inverse, quantity, mids[leg])
        )
        for leg in LEGS
    }
    least, refusals = smallest_sizes(limits, mids, lot), []
    for leg, size in sizes.items():
        if size < least[leg]:
            refusals.append(
                Refusal(
                    RefusalKind.BELOW_MINIMUM,
                    f"{instruments[leg]}: {size_usd:f} USD are {size:f}, "
                    f"the smallest order is {least[leg]:f}",
                )
            )
        most = limits[leg].max_quantity
        if most is not None and size > most:
            refusals.append(
                Refusal(
                    RefusalKind.ABOVE_MAXIMUM,
                    f"{instruments[leg]}: {size_usd:f} USD are {size:f}, "
                    f"the largest order is {most:f}",
                )
            )
    return Size(quantity, lot, sizes), refusals


def lot_is_common(limits: Mapping[LegName, InstrumentLimits]) -> bool:
    """Tell whether both legs trade whole lots: where none is inverse."""
    return not any(one.inverse for one in limits.values())


def smallest_sizes(
    limits: Mapping[LegName, InstrumentLimits], prices: Mapping[LegName, Decimal], lot: Decimal
) -> dict[LegName, Decimal]:
    """Return the smallest size of each leg that may be opened: in lots, or in steps of its own."""
    common = lot_is_common(limits)
    return {
        leg: smallest(one, prices[leg], lot if common else one.quantity_step)
        for leg, one in limits.items()
    }


def smallest(limits: InstrumentLimits, price: Decimal, lot: Decimal) -> Decimal:
    """Return the smallest size, in whole lots of its own, that may be opened at a price."""
    notional = payoffs.size_of_usd(limits.inverse, limits.min_notional_usd, price)
    least = max(limits.min_quantity, notional, lot)
    return -(-least // lot) * lot


def closable(limits: InstrumentLimits, price: Decimal, quantity: Decimal) -> bool:
    """Tell whether a reduce-only order of a size is taken, whatever is small about it."""
    if quantity < limits.quantity_step:
        return False
    if limits.dust_closes:
        return True
    worth = payoffs.notional_usd(limits.inverse, quantity, price)
    return quantity >= limits.min_quantity and worth >= limits.min_notional_usd
