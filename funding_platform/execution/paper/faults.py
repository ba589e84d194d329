"""What may become of an order on its way: told by a script, or by chance from a seed."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

from funding_platform.core.trading import OrderRequest, RejectReason
from funding_platform.paper.venue import HELD, Trick


class Outcome(StrEnum):
    """What becomes of an order.

    ``FILLED`` is what happens without a fault: as far as the book goes. ``REJECTED``: declined,
    nothing exists. ``TIMEOUT_FILLED``: it does what it would, and the answer is lost.
    ``TIMEOUT_UNFILLED``: the answer is lost and nothing fills; the order waits at the venue where
    it ``arrives`` and may wait, and does not exist otherwise. ``PARTIAL``: no more than a share
    fills. ``DUPLICATE_FILL``: every fill of it is reported twice. ``LATE_FILL``: nothing fills
    until it is over; then all of it does. ``DISCONNECT``: the connection is cut for a while, and
    the order ``arrives`` or not. ``CRASH``: the caller dies, and the order ``arrives`` or not.
    """

    FILLED = "filled"
    REJECTED = "rejected"
    TIMEOUT_FILLED = "timeout_filled"
    TIMEOUT_UNFILLED = "timeout_unfilled"
    PARTIAL = "partial"
    DUPLICATE_FILL = "duplicate_fill"
    LATE_FILL = "late_fill"
    DISCONNECT = "disconnect"
    CRASH = "crash"


class PaperCrash(BaseException):
    """The process dies here; nothing that handles errors may catch it."""


def any_order(_order: OrderRequest) -> bool:
    """Meet every order."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What becomes of one order.

    Parameters
    ----------
    when
        Which order it waits for; the next of all where it does not say.
    arrives
        Whether the order reaches the venue, where the outcome leaves that open.
    share
        Of ``PARTIAL``: what fills at most, as a fraction of the quantity.
    seconds
        Of ``LATE_FILL``: how long after the order is over; of ``DISCONNECT``: how long it lasts.
    reason
        Of ``REJECTED``.
    error
        Of ``CRASH``: what is raised.
    """

    outcome: Outcome
    when: Callable[[OrderRequest], bool] = any_order
    arrives: bool = False
    share: Decimal = Decimal("0.5")
    seconds: float = 5.0
    reason: RejectReason = RejectReason.OTHER
    error: type[BaseException] = PaperCrash

    @property
    def reaches_venue(self) -> bool:
        """Whether the venue gets the order."""
        if self.outcome in _OPEN_ENDED:
            return self.arrives
        return self.outcome is not Outcome.REJECTED

    @property
    def trick(self) -> Trick | None:
        """What the venue does to the order; None where it is as usual."""
        match self.outcome:
            case Outcome.TIMEOUT_UNFILLED:
                return HELD
            case Outcome.PARTIAL:
                return Trick(share=self.share)
            case Outcome.DUPLICATE_FILL:
                return Trick(doubled=True)
            case Outcome.LATE_FILL:
                return Trick(late_seconds=self.seconds)
        return None

    @property
    def loses_answer(self) -> bool:
        """Whether the caller is left without one."""
        return self.outcome in {*_OPEN_ENDED, Outcome.TIMEOUT_FILLED}


_OPEN_ENDED: Final = frozenset({Outcome.TIMEOUT_UNFILLED, Outcome.DISCONNECT, Outcome.CRASH})

SURVIVABLE: Final = tuple(outcome for outcome in Outcome if outcome is not Outcome.CRASH)
"""The outcomes after which the caller lives on."""


@dataclass(slots=True)
class RandomFaults:
    """Faults by chance: the same seed and the same calls have the same faults.

    Parameters
    ----------
    order_chance, read_chance
        Of an order to meet an outcome, and of a question to be left without an answer.
    outcomes
        What may become of an order, each as likely as the others.
    longest_seconds
        Of ``LATE_FILL`` and ``DISCONNECT``.
    """

    seed: int
    order_chance: float = 0.3
    read_chance: float = 0.0
    outcomes: Sequence[Outcome] = SURVIVABLE
    longest_seconds: float = 5.0
    _luck: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._luck = random.Random(self.seed)  # noqa: S311 (draws must repeat)

    def draw(self) -> Script | None:
        """Draw what becomes of the next order; None for nothing out of the ordinary."""
        luck = self._luck
        if luck.random() >= self.order_chance:
            return None
        return Script(
            outcome=luck.choice(self.outcomes),
            arrives=luck.random() < 0.5,
            share=Decimal(luck.randint(0, 99)) / 100,
            seconds=luck.uniform(0, self.longest_seconds),
            reason=luck.choice(list(RejectReason)),
        )

    def draw_read(self) -> bool:
        """Draw whether a question is left without an answer."""
        return self._luck.random() < self.read_chance


@dataclass(slots=True)
class _Crash:
    point: str
    error: type[BaseException]
    passes: int


class Faults:
    """What is to go wrong on one exchange, in the order in which it was told.

    Parameters
    ----------
    chance
        Faults of the orders that no script waits for.
    """

    def __init__(self, chance: RandomFaults | None = None) -> None:
        self.chance = chance
        self._scripts: list[Script] = []
        self._crashes: list[_Crash] = []

    def script(self, *scripts: Script) -> None:
        """Tell what becomes of coming orders; each script meets one order, the first that fits."""
        self._scripts.extend(scripts)

    def crash_at(
        self, point: str, error: type[BaseException] = PaperCrash, *, passes: int = 0
    ) -> None:
        """Raise at a point of a call, after it was passed so many times.

        Parameters
        ----------
        point
            ``<call>.before`` or ``<call>.after``: nothing has reached the venue yet, or it has done
            what was asked and the caller does not know. ``place.before``, ``cancel.after`` …
        """
        self._crashes.append(_Crash(point, error, passes))

    def clear(self) -> None:
        """Let nothing more go wrong."""
        self._scripts, self._crashes, self.chance = [], [], None

    @property
    def waiting(self) -> Sequence[Script]:
        """Scripts that have met no order yet: a test can see whether all of them did."""
        return tuple(self._scripts)

    def of_order(self, order: OrderRequest) -> Script | None:
        """Return what becomes of an order; None for nothing out of the ordinary."""
        for script in self._scripts:
            if script.when(order):
                self._scripts.remove(script)
                return script
        return self.chance.draw() if self.chance else None

    def loses_read(self) -> bool:
        """Tell whether a question is left without an answer."""
        return self.chance is not None and self.chance.draw_read()

    def pass_point(self, point: str) -> None:
        """Raise what was asked for at a point."""
        for crash in self._crashes:
            if crash.point == point:
                if crash.passes == 0:
                    self._crashes.remove(crash)
                    raise crash.error(f"at {point}")
                crash.passes -= 1
                return
