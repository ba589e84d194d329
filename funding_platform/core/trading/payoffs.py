"""What a contract is worth: the formulas of a backtest, a trader and a venue on paper alike.

With side ``s`` = +1 long, -1 short, entry price ``e`` and price ``p`` per canonical base:

linear
    size ``q`` in base; notional ``q p``; profit ``s q (p - e)``; funding ``-s q p r``; margin in
    US dollars.
inverse
    size ``N`` in US dollars; notional ``N``; profit in base ``s N (1/e - 1/p)``, worth
    ``s N (p/e - 1)`` at the price of that instant; funding in base ``-s N r / p``, worth
    ``-s N r``; margin in base.
quanto
    size ``q`` in coin per dollar of price; with a coin at ``c`` dollars notional ``q p c``; profit
    in coin ``s q (p - e)``, and funding ``-s q p r``, both worth ``c`` each; margin in that coin.

So in US dollars, its collateral hedged, an inverse contract is ``N / e`` of base: that is what a
hedge is held against. At a collateral of ``N / (L e)`` coins and maintenance ``m`` a long ends at
``e (1 + m) L / (L + 1)``, a short at ``e (1 - m) L / (L - 1)``, and a short at ``L = 1`` never.

Plain arithmetic on numbers of one kind: decimals and floats use one definition, and so do compiled
kernels, for which none calls another. ``signed`` is the side times the size, ``inverse`` the kind
of the contract, ``coin_usd`` what a coin is worth that a quanto contract pays in; 1 of all others.
"""

from decimal import Decimal
from typing import Final, TypeVar

from funding_platform.core.arrays import Floats
from funding_platform.core.symbols import ContractType

N = TypeVar("N", float, Decimal, Floats)

TRADED: Final[tuple[ContractType, ...]] = ("linear", "inverse")
"""Kinds that are traded: of what a quanto contract pays in, a trader knows no price."""


def notional_usd(inverse: bool, size: N, price: N, coin_usd: N | int = 1) -> N:
    """Compute what a size is worth at a price: ``q p c``, or ``N``."""
    if inverse:
        return size
    return size * price * coin_usd


def size_of_usd(inverse: bool, usd: N, price: N, coin_usd: N | int = 1) -> N:
    """Compute the size that is worth so many US dollars at a price."""
    if inverse:
        return usd
    return usd / price / coin_usd


def base_of(inverse: bool, size: N, price: N, coin_usd: N | int = 1) -> N:
    """Compute how much base a size is at a price: ``q c``, or ``N / p``."""
    if inverse:
        return size / price
    return size * coin_usd


def size_of_base(inverse: bool, base: N, price: N, coin_usd: N | int = 1) -> N:
    """Compute the size that is so much base at a price: ``q / c``, or ``q p``."""
    if inverse:
        return base * price
    return base / coin_usd


def pnl_usd(inverse: bool, signed: N, entry: N, price: N, coin_usd: N | int = 1) -> N:
    """Compute what a leg has gained from its entry to a price, worth what it is there."""
    if inverse:
        return signed * (price / entry - 1)
    return signed * (price - entry) * coin_usd


def funding_usd(inverse: bool, signed: N, mark: N, rate: N, coin_usd: N | int = 1) -> N:
    """Compute what a settlement pays a leg, worth what it is then; negative where it is paid."""
    if inverse:
        return -signed * rate
    return -signed * mark * rate * coin_usd


def margin_of(inverse: bool, usd: N, price: N, coin_usd: N | int = 1) -> N:
    """Compute US dollars in what a leg's collateral is kept in: coins where it pays in coins."""
    if inverse:
        return usd / price
    return usd / coin_usd


def worth_usd(inverse: bool, margin: N, pnl: N, price: N, coin_usd: N | int = 1) -> N:
    """Compute what collateral and open profit of a leg are worth at a price.

    Below ``m`` times its notional the leg is liquidated.

    Parameters
    ----------
    margin
        In what it is kept in.
    pnl
        In US dollars.
    """
    if inverse:
        return margin * price + pnl
    return margin * coin_usd + pnl


def ends_at(margin: Decimal, signed: Decimal, entry: Decimal, rate: Decimal) -> Decimal | None:
    """Return the price at which an inverse leg is liquidated; None where it never is.

    ``(s + m) N / (C + s N / e)``, with ``C`` coins of collateral and maintenance ``m``.
    """
    coins = margin + signed / entry
    price = (signed + rate * abs(signed)) / coins if coins else None
    return price if price is not None and price > 0 else None


def settled(inverse: bool, size: Decimal, price: Decimal) -> Decimal:
    """Compute what a size is in what the contract settles in: ``q p`` dollars, or ``N / p`` coins.

    That adds up over fills, where prices do not.
    """
    if inverse:
        return size / price
    return size * price


def average_price(inverse: bool, size: Decimal, settled: Decimal) -> Decimal:
    """Return the one price at which a size is so much in what the contract settles in."""
    return size / settled if inverse else settled / size


def base_change(
    inverse: bool, held: Decimal, base: Decimal, change: Decimal, price: Decimal
) -> Decimal:
    """Compute what a trade does to the base that a position is, in US dollars.

    What opens is ``N / p`` of base; what closes takes its share of what the position is, so that
    of an inverse contract, as of a linear one, ``-change of base * price`` is its cash.

    Parameters
    ----------
    held, base
        What is held before, in sizes and in base; negative when short.
    change
        Of the size, signed.
    """
    if not inverse:
        return change
    if held * change >= 0:
        return change / price
    if abs(change) < abs(held):
        return base * change / held
    return (held + change) / price - base
