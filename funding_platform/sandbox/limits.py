"""Documented request limits, enforced per client when the sandbox is asked to.

A budget is a number of units per fixed window. A request draws on the budgets that its route
names; one that no longer fits is refused with the venue's status, and a client that goes on all
the same is banned where the venue bans.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Budget:
    """``limit`` units per ``window_seconds``."""

    limit: int
    window_seconds: float


@dataclass(frozen=True, slots=True)
class Usage:
    """One budget as a client stands with it, for the reply's headers."""

    name: str
    budget: Budget
    used: int
    resets_in: float
    resets_at_ms: int


@dataclass(frozen=True, slots=True)
class Limits:
    """A venue's budgets and what it does on excess.

    Attributes
    ----------
    budgets
        By the names that routes' costs use.
    headers
        The venue's rate headers for the budgets that a request drew on.
    status
        HTTP status of a refusal.
    retry_after
        Whether refusals carry ``Retry-After``.
    ban_status, ban_after, ban_seconds
        After ``ban_after`` refusals in a row every request is answered with ``ban_status`` for
        ``ban_seconds``; ``None`` where the venue does not ban.
    """

    budgets: Mapping[str, Budget]
    headers: Callable[[list[Usage]], dict[str, str]] = lambda usages: {}
    status: int = 429
    retry_after: bool = False
    ban_status: int | None = None
    ban_after: int = 0
    ban_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may pass (``status`` is ``None``) and the headers of the reply."""

    status: int | None
    headers: dict[str, str]


@dataclass(slots=True)
class _Client:
    """What one client has used: per budget the window's number and the units drawn."""

    used: dict[str, tuple[int, int]] = field(default_factory=dict)
    refusals: int = 0
    banned_until: float = -math.inf


class Limiter:
    """Counts requests per (venue, client) against the venue's limits.

    Parameters
    ----------
    clock
        Seconds since the epoch, in real time and not the market's: limits protect the server.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._clients: dict[tuple[str, str], _Client] = {}

    def admit(self, venue: str, client: str, limits: Limits, cost: Mapping[str, int]) -> Verdict:
        """Charge a request to its client, or refuse it."""
        now = self._clock()
        state = self._clients.setdefault((venue, client), _Client())
        if now < state.banned_until and limits.ban_status is not None:
            return self._refusal(limits, limits.ban_status, state.banned_until - now)
        usages = [self._usage(state, limits, name, now) for name in cost]
        short = [u for u in usages if u.used + cost[u.name] > u.budget.limit]
        if not short:
            state.refusals = 0
            self.charge(venue, client, limits, cost)
            usages = [self._usage(state, limits, name, now) for name in cost]
            return Verdict(None, limits.headers(usages))
        state.refusals += 1
        wait = max(usage.resets_in for usage in short)
        if limits.ban_status is None or state.refusals <= limits.ban_after:
            return self._refusal(limits, limits.status, wait)
        state.banned_until = now + limits.ban_seconds
        state.refusals = 0
        return self._refusal(limits, limits.ban_status, limits.ban_seconds)

    def charge(self, venue: str, client: str, limits: Limits, cost: Mapping[str, int]) -> None:
        """Draw units without asking: what a reply turned out to weigh on top."""
        now = self._clock()
        state = self._clients.setdefault((venue, client), _Client())
        for name, units in cost.items():
            window = int(now // limits.budgets[name].window_seconds)
            usage = self._usage(state, limits, name, now)
            state.used[name] = (window, usage.used + units)

    def _usage(self, state: _Client, limits: Limits, name: str, now: float) -> Usage:
        budget = limits.budgets[name]
        window = int(now // budget.window_seconds)
        counted_in, units = state.used.get(name, (window, 0))
        used = units if counted_in == window else 0
        resets_at = (window + 1) * budget.window_seconds
        return Usage(name, budget, used, resets_at - now, int(resets_at * 1_000))

    def _refusal(self, limits: Limits, status: int, wait: float) -> Verdict:
        headers = {"Retry-After": str(math.ceil(wait))} if limits.retry_after else {}
        return Verdict(status, headers)
