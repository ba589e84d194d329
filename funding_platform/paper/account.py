"""What an account holds and what it is worth.

Two identities hold after every step, to the last digit::

    cash   = deposits + realised + funding - fees
    equity = cash + unrealised

Amounts are rounded once, when they arise (``rules.money``), and only added up afterwards.

A coin-margined position may have collateral of its own: US dollars of the account that became coins
when it was opened. They are kept from everything else, and it is liquidated where they do not cover
it. What the coins themselves gain and lose in dollars is taken to be hedged, and in no identity: as
in a backtest.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from funding_platform.core.trading import ZERO, payoffs
from funding_platform.paper.rules import money


@dataclass(slots=True)
class Collateral:
    """What stands behind one coin-margined position, and no other.

    Parameters
    ----------
    coins
        Put there, with what funding brought since.
    usd
        What all of that was worth when it came.
    """

    coins: Decimal = ZERO
    usd: Decimal = ZERO


@dataclass(slots=True)
class Position:
    """What is held of one symbol.

    Parameters
    ----------
    quantity
        Canonical base, or US dollars of an inverse contract; negative when short.
    cost_usd
        What was paid for it; negative when short.
    coins
        The base that an inverse contract is, ``N / e``; None of a linear one, which is its
        quantity.
    own
        Its own collateral; None where the whole account stands behind it.
    """

    quantity: Decimal
    cost_usd: Decimal
    coins: Decimal | None = None
    own: Collateral | None = None

    @property
    def base(self) -> Decimal:
        """What it is in base."""
        return self.quantity if self.coins is None else self.coins

    @property
    def entry_price(self) -> Decimal:
        """Average price of what is held."""
        return self.cost_usd / self.base

    def unrealized_usd(self, mark: Decimal) -> Decimal:
        """Return ``base * mark - cost``: ``payoffs.pnl_usd``, exact in what was paid."""
        return money(self.base * mark) - self.cost_usd

    def open(self, change: Decimal, price: Decimal, collateral_share: Decimal) -> None:
        """Add to it, with so much of the value as its own collateral."""
        value = money(payoffs.notional_usd(self.coins is not None, change, price))
        self._change(change, price)
        self.cost_usd += value
        if self.coins is not None and collateral_share:
            self.own = self.own or Collateral()
            put = money(abs(value) * collateral_share)
            self.own.usd += put
            self.own.coins += payoffs.margin_of(True, put, price)

    def close(self, change: Decimal, price: Decimal) -> Decimal:
        """Take from it, its collateral alike; return what is realised."""
        # All of the cost goes with the last of the position, so that no rest is left behind.
        part = -change / self.quantity
        released = self.cost_usd if part == 1 else money(self.cost_usd * part)
        given = self._change(change, price)
        self.cost_usd -= released
        if self.own is not None:
            self.own.usd -= money(self.own.usd * part)
            self.own.coins -= self.own.coins * part
        return -money(given * price) - released

    def _change(self, change: Decimal, price: Decimal) -> Decimal:
        """Change the quantity; return the change in base."""
        inverse = self.coins is not None
        moved = payoffs.base_change(inverse, self.quantity, self.base, change, price)
        self.quantity += change
        if self.coins is not None:
            self.coins += moved
        return moved


@dataclass(slots=True)
class Account:
    """Cash by where it came from, positions, and the prices that they are valued at.

    Parameters
    ----------
    marks
        Of every symbol that is held or was ordered: the last that was known.
    inverse
        Those of them that are inverse contracts.
    """

    deposits_usd: Decimal = ZERO
    realized_usd: Decimal = ZERO
    funding_usd: Decimal = ZERO
    fees_usd: Decimal = ZERO
    positions: dict[str, Position] = field(default_factory=dict)
    marks: dict[str, Decimal] = field(default_factory=dict)
    inverse: set[str] = field(default_factory=set)

    @property
    def cash_usd(self) -> Decimal:
        """``deposits + realised + funding - fees``."""
        return self.deposits_usd + self.realized_usd + self.funding_usd - self.fees_usd

    @property
    def equity_usd(self) -> Decimal:
        """``cash + unrealised``."""
        held = self.positions.items()
        return self.cash_usd + sum((p.unrealized_usd(self.marks[s]) for s, p in held), ZERO)

    @property
    def shared(self) -> list[str]:
        """Symbols whose positions the whole account stands behind."""
        return [symbol for symbol, held in self.positions.items() if held.own is None]

    @property
    def shared_usd(self) -> Decimal:
        """Equity without what stands behind single positions."""
        return self.equity_usd - sum((self.locked_usd(symbol) for symbol in self.positions), ZERO)

    @property
    def value_usd(self) -> Decimal:
        """Size of all positions together that the whole account stands behind."""
        return sum((self.size_usd(symbol) for symbol in self.shared), ZERO)

    def locked_usd(self, symbol: str) -> Decimal:
        """Return what of the equity is a position's own, its profit included; mostly nothing."""
        held = self.positions[symbol]
        return ZERO if held.own is None else held.own.usd + held.unrealized_usd(self.marks[symbol])

    def worth_usd(self, symbol: str) -> Decimal:
        """Return what a position's own coins and its profit are worth at the mark."""
        held, mark = self.positions[symbol], self.marks[symbol]
        assert held.own is not None
        return payoffs.worth_usd(True, held.own.coins, held.unrealized_usd(mark), mark)

    def size_usd(self, symbol: str) -> Decimal:
        """Size of a position at the mark."""
        return money(self.notional_usd(symbol, abs(self.quantity(symbol))))

    def notional_usd(self, symbol: str, quantity: Decimal) -> Decimal:
        """Return what a quantity is worth at the mark."""
        return payoffs.notional_usd(symbol in self.inverse, quantity, self.marks[symbol])

    def quantity(self, symbol: str) -> Decimal:
        """Return what is held of a symbol; 0 where nothing is."""
        position = self.positions.get(symbol)
        return position.quantity if position else ZERO

    def trade(
        self,
        symbol: str,
        change: Decimal,
        price: Decimal,
        fee_usd: Decimal,
        collateral_share: Decimal = ZERO,
    ) -> None:
        """Add a signed quantity at a price: close what is against it first, open with the rest.

        Parameters
        ----------
        collateral_share
            Share of the value of what is opened that becomes its own collateral; of inverse
            contracts only.
        """
        self.fees_usd += fee_usd
        self.marks.setdefault(symbol, price)
        held = self.positions.pop(symbol, None) or self._flat(symbol)
        if held.quantity * change < 0:
            closing = max(change, -held.quantity) if change < 0 else min(change, -held.quantity)
            change -= closing
            self.realized_usd += held.close(closing, price)
            if not held.quantity:
                held = self._flat(symbol)
        if change:
            held.open(change, price, collateral_share)
        if held.quantity:
            self.positions[symbol] = held

    def receive_funding(self, symbol: str, amount_usd: Decimal, mark: Decimal) -> None:
        """Add funding, negative where it is paid; coins of its own where a position has any."""
        self.funding_usd += amount_usd
        held = self.positions.get(symbol)
        if held is not None and held.own is not None:
            held.own.usd += amount_usd
            held.own.coins += payoffs.margin_of(True, amount_usd, mark)

    def _flat(self, symbol: str) -> Position:
        return Position(ZERO, ZERO, ZERO if symbol in self.inverse else None)
