"""A book, less what our own orders took of it.

The market that is handed in does not know us: its book shows what we took as if it still stood.
What was taken at a price stays taken for as long as the book shows the same quantity there; once
that changes, others have come or gone, and what it shows is what there is.
"""

from collections.abc import Iterator
from decimal import Decimal

from funding_platform.core.trading import Level, OrderBook, Side

Price = tuple[Side, Decimal]
"""A price, and the side of the orders that take what stands there."""


class Taken:
    """What we took of the book of one symbol."""

    def __init__(self) -> None:
        self._book: OrderBook | None = None
        self._taken: dict[Price, tuple[Decimal, Decimal]] = {}

    def show(self, book: OrderBook) -> None:
        """Take note of the book as it is now."""
        if self._taken and book is not self._book:
            shown = {
                (side, level.price): level.quantity for side in Side for level in book.against(side)
            }
            self._taken = {
                price: (quantity, taken)
                for price, (quantity, taken) in self._taken.items()
                if shown.get(price) == quantity
            }
        self._book = book

    def left(self, side: Side, bound: Decimal | None) -> Iterator[Level]:
        """Give what an order of a side can still take, best first and not worse than ``bound``."""
        if self._book is None:
            return
        for level in self._book.against(side):
            if bound is not None and (level.price - bound) * side.sign > 0:
                return
            _, taken = self._taken.get((side, level.price), (level.quantity, Decimal(0)))
            if level.quantity > taken:
                yield Level(level.price, level.quantity - taken)

    def take(self, side: Side, price: Decimal, quantity: Decimal) -> None:
        """Take some of what stands at a price."""
        assert self._book is not None
        shown, taken = self._taken.get((side, price), (None, Decimal(0)))
        if shown is None:
            shown = next(x.quantity for x in self._book.against(side) if x.price == price)
        self._taken[(side, price)] = (shown, taken + quantity)
