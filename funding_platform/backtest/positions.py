"""The positions that a strategy is shown: one by one, and as columns."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from funding_platform.backtest.books import Books, net_of
from funding_platform.backtest.kernel.accounts import take_stock
from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.strategies.contract import Position

_ROW: Final = np.dtype(
    [
        ("position_id", np.int64),
        ("long", np.int64),
        ("short", np.int64),
        ("ordered_us", np.int64),
        ("memo", np.float64),
        ("closing", np.bool_),
    ]
)
_NO_LEG: Final = -1


class Account:
    """The account of a run, valued when it is asked for; of a run's data it holds nothing.

    Parameters
    ----------
    books
        Of the run. That they get more room changes nothing: account and open legs stay where they
        are.
    capital_usd
        With which the run began.
    """

    def __init__(self, books: Books, capital_usd: float) -> None:
        self._books = books
        self._capital_usd = capital_usd

    @property
    def equity_usd(self) -> float:
        """What it is worth now."""
        return float(self._valued()["equity"])

    @property
    def free_usd(self) -> float:
        """What of that no position has as its collateral."""
        valued = self._valued()
        return float(valued["equity"] - valued["locked"])

    def pnl_usd(self, position_id: Ints) -> Floats:
        """Tell what each position has earned, all its costs so far paid; numbers ascend."""
        legs = self._books.legs[self._books.legs["active"]]
        earned = net_of(legs)
        found = np.zeros(len(position_id))
        np.add.at(found, np.searchsorted(position_id, legs["position"]), earned)
        return found

    def _valued(self) -> np.void:
        take_stock(self._books, self._capital_usd)
        valued: np.void = self._books.account[0]
        return valued


class SimulatedBook:
    """A ``Book`` over rows of ``Holdings`` and the account of the run.

    ``room`` is how many more ``max_positions`` allows.
    """

    def __init__(self, rows: NDArray[Any], room: int, account: Account) -> None:
        self._rows = rows
        self._account = account
        self.room = room

    @property
    def equity_usd(self) -> float:
        """What the account is worth now."""
        return self._account.equity_usd

    @property
    def free_usd(self) -> float:
        """What of it is free now."""
        return self._account.free_usd

    def __iter__(self) -> Iterator[Position]:
        for number, long, short, ordered_us, memo, closing in self._rows.tolist():
            yield Position(
                number,
                None if long == _NO_LEG else long,
                None if short == _NO_LEG else short,
                ordered_us,
                memo,
                closing,
            )

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def pnl_usd(self) -> Floats:
        """What each has earned, all its costs so far paid."""
        return self._account.pnl_usd(self._rows["position_id"])

    @property
    def position_id(self) -> Ints:
        """Number of each."""
        return self._rows["position_id"]

    @property
    def long(self) -> Ints:
        """Long legs; -1 where there is none."""
        return self._rows["long"]

    @property
    def short(self) -> Ints:
        """Short legs; -1 where there is none."""
        return self._rows["short"]

    @property
    def ordered_us(self) -> Ints:
        """When each was decided on."""
        return self._rows["ordered_us"]

    @property
    def memo(self) -> Floats:
        """What the strategy wrote on each."""
        return self._rows["memo"]

    @property
    def closing(self) -> Flags:
        """Which are being closed."""
        return self._rows["closing"]


class Holdings:
    """The positions of a run as the engine keeps them, by ever higher numbers."""

    def __init__(self) -> None:
        self._rows = np.empty(16, _ROW)
        self._numbers: set[int] = set()

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, position_id: object) -> bool:
        return position_id in self._numbers

    def staying(self) -> int:
        """Count those that nothing closes yet."""
        return len(self) - int(np.count_nonzero(self._held["closing"]))

    def is_closing(self, position_id: int) -> bool:
        """Tell whether an order to close it is on its way."""
        return bool(self._held["closing"][self._row(position_id)])

    def add(self, position: Position) -> None:
        """Append one that has just been decided on."""
        count = len(self)
        if count == len(self._rows):
            self._rows = np.resize(self._rows, 2 * count)
        legs = (_NO_LEG if leg is None else leg for leg in (position.long, position.short))
        self._rows[count] = (
            position.position_id,
            *legs,
            position.ordered_us,
            position.memo,
            position.closing,
        )
        self._numbers.add(position.position_id)

    def mark(self, position_id: int, *, closing: bool) -> None:
        """Note that it is being closed, or stays after all."""
        self._held["closing"][self._row(position_id)] = closing

    def remove(self, position_id: int) -> None:
        """Forget one."""
        row, count = self._row(position_id), len(self)
        self._rows[row : count - 1] = self._rows[row + 1 : count]
        self._numbers.remove(position_id)

    def book(self, room: int, account: Account) -> SimulatedBook:
        """Return what a strategy is shown; its positions are those of now, whatever follows."""
        return SimulatedBook(self._held.copy(), room, account)

    @property
    def _held(self) -> NDArray[Any]:
        return self._rows[: len(self)]

    def _row(self, position_id: int) -> int:
        return int(np.searchsorted(self._held["position_id"], position_id))
