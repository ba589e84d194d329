"""What pairs hold and have brought, worked out from their fills and payments alone.

Nothing of it is stored: a fill that is learned of late corrects every figure it belongs to. For a
pair, and for any sum of pairs, with the base of each fill as in ``pair.exposure``::

    trading = sum of -change of base * price + base held * mark
    total   = trading - fees + funding
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from funding_platform.core.trading import ZERO
from funding_platform.execution.pair.exposure import Traded, traded
from funding_platform.execution.pair.pairs import InstrumentRef, LegName, Pnl
from funding_platform.execution.store.journal import LIVE, Journal
from funding_platform.execution.store.records import (
    FillRecord,
    LegRecord,
    PairRecord,
    PaymentRecord,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegLedger:
    """One leg.

    Parameters
    ----------
    quantity
        Held, canonical base or US dollars of an inverse contract; negative when short.
    exposure
        The base that it is in US dollars: ``quantity``, or ``N / e``.
    cash_usd
        Sum of ``-change of base * price`` over its fills.
    opened
        What was bought of a long leg, or sold of a short one, in base.
    opened_usd, reduced, reduced_usd
        The value of that; and what was traded the other way, with its value.
    mark
        What it is valued at; None where no price is known.
    """

    record: LegRecord
    quantity: Decimal
    exposure: Decimal
    cash_usd: Decimal
    opened: Decimal
    opened_usd: Decimal
    reduced: Decimal
    reduced_usd: Decimal
    fees_usd: Decimal
    funding_usd: Decimal
    settlements: int
    mark: Decimal | None

    @property
    def instrument(self) -> InstrumentRef:
        """What it trades."""
        return self.record.instrument

    @property
    def base(self) -> Decimal:
        """What is held in base at the mid that was decided on: what both legs have alike."""
        return self.quantity / self.record.per_base

    @property
    def entry_price(self) -> Decimal | None:
        """Average price of what opened it; None without a fill."""
        return self.opened_usd / self.opened if self.opened else None

    @property
    def exit_price(self) -> Decimal | None:
        """Average price of what reduced it; None without a fill."""
        return self.reduced_usd / self.reduced if self.reduced else None

    @property
    def trading_usd(self) -> Decimal | None:
        """Cash, and what is held at its mark; None where that has none."""
        if not self.quantity:
            return self.cash_usd
        return None if self.mark is None else self.cash_usd + self.exposure * self.mark


@dataclass(frozen=True, kw_only=True)
class PairLedger:
    """A pair and what it has brought."""

    record: PairRecord
    legs: Mapping[LegName, LegLedger]

    @property
    def long(self) -> LegLedger:
        """The leg that was bought."""
        return self.legs[LegName.LONG]

    @property
    def short(self) -> LegLedger:
        """The leg that was sold."""
        return self.legs[LegName.SHORT]

    @property
    def net_base(self) -> Decimal:
        """What both legs hold together: nothing, within a lot, unless orders are under way."""
        return sum((leg.base for leg in self.legs.values()), ZERO)

    @property
    def notional_usd(self) -> Decimal:
        """Value of the larger leg at entry; what was planned while nothing is filled."""
        filled = max((leg.opened_usd for leg in self.legs.values()), default=ZERO)
        return filled or self.record.size_usd

    @cached_property
    def pnl(self) -> Pnl | None:
        """What it has brought; None where a leg is held that has no price."""
        legs = self.legs.values()
        trading = [leg.trading_usd for leg in legs]
        if None in trading:
            return None
        return Pnl(
            trading_usd=sum((usd for usd in trading if usd is not None), ZERO),
            fees_usd=sum((leg.fees_usd for leg in legs), ZERO),
            funding_usd=sum((leg.funding_usd for leg in legs), ZERO),
        )


def ledgers(
    journal: Journal,
    pairs: Sequence[PairRecord],
    marks: Mapping[InstrumentRef, Decimal] | None = None,
) -> list[PairLedger]:
    """Work out the ledgers of pairs, in their order.

    Parameters
    ----------
    marks
        What is held is valued at; the last price that the store knows where one is missing.
    """
    known = marks or {}
    ids = [pair.pair_id for pair in pairs]
    fills: defaultdict[tuple[str, str], list[FillRecord]] = defaultdict(list)
    for fill in journal.fills(*ids):
        fills[str(fill.pair_id), str(fill.leg)].append(fill)
    payments: defaultdict[tuple[str, str], list[PaymentRecord]] = defaultdict(list)
    for payment in journal.payments(*ids):
        payments[str(payment.pair_id), str(payment.leg)].append(payment)
    legs: defaultdict[str, dict[LegName, LegLedger]] = defaultdict(dict)
    for leg in journal.legs(*ids):
        key = (leg.pair_id, str(leg.leg))
        mark = known.get(leg.instrument, leg.mark_price)
        legs[leg.pair_id][leg.leg] = _of_leg(leg, fills[key], payments[key], mark)
    return [PairLedger(record=pair, legs=legs[pair.pair_id]) for pair in pairs]


def live_ledgers(
    journal: Journal, marks: Mapping[InstrumentRef, Decimal] | None = None
) -> list[PairLedger]:
    """Work out the ledgers of the pairs that may hold something."""
    return ledgers(journal, journal.pairs(*LIVE), marks)


def summed(pairs: Iterable[PairLedger]) -> Pnl | None:
    """Add up what pairs have brought; None where that of one is not known."""
    each = [pair.pnl for pair in pairs]
    if None in each:
        return None
    return sum((pnl for pnl in each if pnl is not None), Pnl())


def _of_leg(
    record: LegRecord,
    fills: Sequence[FillRecord],
    payments: Sequence[PaymentRecord],
    mark: Decimal | None,
) -> LegLedger:
    trades = traded(record.inverse, fills)
    opened, opened_usd = _sums(one for one in trades if one.fill.side is record.leg.side)
    reduced, reduced_usd = _sums(one for one in trades if one.fill.side is not record.leg.side)
    return LegLedger(
        record=record,
        quantity=sum((fill.signed for fill in fills), ZERO),
        exposure=sum((one.base for one in trades), ZERO),
        cash_usd=sum((one.cash_usd for one in trades), ZERO),
        opened=opened,
        opened_usd=opened_usd,
        reduced=reduced,
        reduced_usd=reduced_usd,
        fees_usd=sum((fill.fee_usd for fill in fills), ZERO),
        funding_usd=sum((payment.amount_usd for payment in payments), ZERO),
        settlements=len(payments),
        mark=mark,
    )


def _sums(trades: Iterable[Traded]) -> tuple[Decimal, Decimal]:
    """Return how much base was traded, and what that was worth."""
    known = list(trades)
    base = sum((abs(one.base) for one in known), ZERO)
    return base, sum((abs(one.cash_usd) for one in known), ZERO)
