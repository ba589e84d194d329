"""How much: US dollars as one quantity that both venues take.

    lot      = least common multiple of both quantity steps
    quantity = floor(size_usd / max(mid_long, mid_short) / lot) * lot

Both legs are the same quantity, so that the pair is worth the same wherever the price goes; the
dearer venue decides, so that neither leg is worth more than was asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import lcm

from funding_platform.core.trading import InstrumentLimits
from funding_platform.execution.pair.pairs import LEGS, InstrumentRef, LegName
from funding_platform.execution.pair.refusals import Refusal, RefusalKind


@dataclass(frozen=True, slots=True)
class Size:
    """A quantity for both legs, and the lot that it is a whole number of."""

    quantity: Decimal
    lot: Decimal


def common_step(first: Decimal, second: Decimal) -> Decimal:
    """Return the smallest quantity that is a whole number of both steps."""
    digits = max(-int(step.normalize().as_tuple().exponent) for step in (first, second))
    scale = Decimal(10) ** max(digits, 0)
    return Decimal(lcm(int(first * scale), int(second * scale))) / scale


def size_pair(
    size_usd: Decimal,
    mids: Mapping[LegName, Decimal],
    limits: Mapping[LegName, InstrumentLimits],
    instruments: Mapping[LegName, InstrumentRef],
) -> tuple[Size, list[Refusal]]:
    """Return the quantity of each leg, and why it cannot be ordered; no reasons where it can."""
    lot = common_step(*(limits[leg].quantity_step for leg in LEGS))
    lots = int(size_usd / max(mids.values()) / lot)
    size = Size(lots * lot, lot)
    refusals = []
    for leg in LEGS:
        if size.quantity < (least := smallest(limits[leg], mids[leg], lot)):
            refusals.append(
                Refusal(
                    RefusalKind.BELOW_MINIMUM,
                    f"{instruments[leg]}: {size_usd:f} USD are {size.quantity:f}, "
                    f"the smallest order is {least:f}",
                )
            )
        most = limits[leg].max_quantity
        if most is not None and size.quantity > most:
            refusals.append(
                Refusal(
                    RefusalKind.ABOVE_MAXIMUM,
                    f"{instruments[leg]}: {size_usd:f} USD are {size.quantity:f}, "
                    f"the largest order is {most:f}",
                )
            )
    return size, refusals


def smallest(limits: InstrumentLimits, price: Decimal, lot: Decimal) -> Decimal:
    """Return the smallest quantity, in whole lots, that may be opened at a price."""
    least = max(limits.min_quantity, limits.min_notional_usd / price, lot)
    return -(-least // lot) * lot


def closable(limits: InstrumentLimits, price: Decimal, quantity: Decimal) -> bool:
    """Tell whether a reduce-only order of a quantity is taken, whatever is small about it."""
    if quantity < limits.quantity_step:
        return False
    if limits.dust_closes:
        return True
    return quantity >= limits.min_quantity and quantity * price >= limits.min_notional_usd
