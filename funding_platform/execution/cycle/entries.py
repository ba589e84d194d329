"""Which of the pairs that a strategy orders may be opened now: the opportunity, and the limits."""

import math
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cached_property

from funding_platform.execution.config import TradingConfig
from funding_platform.execution.cycle.facts import Refusal, Refused, Seen, ToOpen
from funding_platform.execution.cycle.held import HeldPair
from funding_platform.execution.pair.pairs import InstrumentRef


class Admission:
    """Admits pairs one by one, each against what is held and what was admitted before it.

    Parameters
    ----------
    seen
        What is decided on.
    config
        The limits.
    leaving
        Names of the pairs that are closed before anything is opened. What they take up counts as
        free, but for their collateral, of which nobody knows what comes back.
    """

    def __init__(self, seen: Seen, config: TradingConfig, leaving: Container[str] = ()) -> None:
        self._seen, self._config = seen, config
        staying = [pair for pair in seen.held if pair.pair_id not in leaving]
        self._pairs = len(staying)
        self._total = sum(pair.notional_usd for pair in staying)
        self._venue_usd, self._base_usd = _sums(staying)
        self._free = {venue: state.free_usd for venue, state in seen.venues.items()}
        self._legs = {leg for pair in staying for leg in (pair.long, pair.short)}
        self._opened = 0

    def closed_to_all(self) -> Refused | None:
        """Say why nothing at all may be opened now; None where something may."""
        seen, now = self._seen, self._seen.market.time
        if seen.halted is not None:
            return Refused(reason=Refusal.HALTED, words=seen.halted)
        if seen.opportunities_at is None:
            return Refused(
                reason=Refusal.NO_OPPORTUNITIES,
                words="there are no opportunities at all: run `funding transform`",
            )
        age = now - seen.opportunities_at
        if age > self._config.max_age:
            return Refused(
                reason=Refusal.STALE_OPPORTUNITIES,
                words=f"the newest opportunity is of {seen.opportunities_at:%Y-%m-%d %H:%M} UTC, "
                f"{age.total_seconds() / 60:,.0f} minutes old; opportunities.max_age_minutes is "
                f"{self._config.opportunities.max_age_minutes:g}",
            )
        return None

    def admit(self, wanted: ToOpen) -> Refused | None:
        """Count a pair in and return None; or say why not, and count nothing."""
        found = next(
            (
                (reason, words)
                for reason, words in (*self._pair_faults(wanted), *self._limit_faults(wanted))
            ),
            None,
        )
        if found is None:
            self._count(wanted)
            return None
        reason, words = found
        return Refused(
            reason=reason, words=words, base=wanted.base, long=wanted.long, short=wanted.short
        )

    def _pair_faults(self, wanted: ToOpen) -> Iterable[tuple[Refusal, str]]:
        """Yield what is wrong with the pair and its venues."""
        if not 0 < wanted.size_usd < math.inf:
            yield Refusal.IMPOSSIBLE_SIZE, f"{wanted.size_usd} USD is no size"
        for leg in (wanted.long, wanted.short):
            yield from self._venue_faults(leg, wanted.size_usd)
        if not self._passing.get((wanted.long, wanted.short)):
            yield (
                Refusal.FILTERED_OUT,
                f"long {wanted.long}, short {wanted.short} is no opportunity that passes the "
                "filter, or its observation is older than opportunities.max_age_minutes",
            )
        if held := sorted(map(str, self._legs & {wanted.long, wanted.short})):
            yield Refusal.ALREADY_HELD, f"{', '.join(held)} is in another pair"
        until = self._seen.resting.get(wanted.base)
        if until is not None and until > self._seen.market.time:
            yield Refusal.COOLING_DOWN, f"{wanted.base} rests until {until:%Y-%m-%d %H:%M:%S} UTC"

    def _venue_faults(self, leg: InstrumentRef, size_usd: float) -> Iterable[tuple[Refusal, str]]:
        venue, config = leg.venue, self._config
        state = self._seen.venues.get(venue)
        if state is None:
            yield Refusal.MISSING_VENUE, f"{venue} is none of the venues that are traded on"
            return
        if not state.reachable:
            yield Refusal.VENUE_UNREACHABLE, f"{venue} cannot be asked: {state.trouble}"
            return
        skew, most = state.skew_seconds, config.tactics.max_clock_skew_seconds
        if skew is None or abs(skew) > most:
            told = "is unknown" if skew is None else f"is {skew:+.1f} s from ours"
            yield (
                Refusal.CLOCK_SKEW,
                f"the clock of {venue} {told}; tactics.max_clock_skew_seconds is {most:g}",
            )
        free, needed = self._free[venue], size_usd / config.sizes.leverage
        if free is None or free < needed:
            told = "unknown" if free is None else f"{free:,.2f} USD"
            yield (
                Refusal.INSUFFICIENT_BALANCE,
                f"free on {venue}: {told}; a leg of {size_usd:,.0f} USD needs {needed:,.2f}",
            )

    def _limit_faults(self, wanted: ToOpen) -> Iterable[tuple[Refusal, str]]:
        """Yield the limits that the pair would exceed."""
        limits, size = self._config.limits, wanted.size_usd
        if self._opened >= limits.max_new_per_cycle:
            yield (
                Refusal.CYCLE_LIMIT,
                f"{self._opened} opened in this cycle, limits.max_new_per_cycle",
            )
        if self._pairs >= limits.max_pairs:
            yield Refusal.PAIRS_LIMIT, f"{self._pairs} pairs are held, limits.max_pairs"
        total = self._total + size
        if total > limits.max_total_usd:
            yield Refusal.TOTAL_LIMIT, _over("total", total, "max_total_usd", limits.max_total_usd)
        for venue in {wanted.long.venue, wanted.short.venue}:
            on_venue = self._venue_usd[venue] + size
            if on_venue > limits.max_venue_usd:
                words = _over(f"on {venue}", on_venue, "max_venue_usd", limits.max_venue_usd)
                yield Refusal.VENUE_LIMIT, words
        of_base = self._base_usd[wanted.base] + size
        if of_base > limits.max_base_usd:
            words = _over(f"of {wanted.base}", of_base, "max_base_usd", limits.max_base_usd)
            yield Refusal.BASE_LIMIT, words

    def _count(self, wanted: ToOpen) -> None:
        size = wanted.size_usd
        self._opened += 1
        self._pairs += 1
        self._total += size
        self._base_usd[wanted.base] += size
        for leg in (wanted.long, wanted.short):
            self._venue_usd[leg.venue] += size
            self._legs.add(leg)
            free = self._free[leg.venue]
            if free is not None:
                self._free[leg.venue] = free - size / self._config.sizes.leverage

    @cached_property
    def _passing(self) -> Mapping[tuple[InstrumentRef, InstrumentRef], bool]:
        """Whether the observation of each pair that passes the filter is young enough."""
        oldest = self._seen.market.time - self._config.max_age
        key = ("long_venue", "long_symbol", "short_venue", "short_symbol")
        return {
            (InstrumentRef(row[0], row[1]), InstrumentRef(row[2], row[3])): row[4] >= oldest
            for row in self._seen.opportunities.select(*key, "observed_at").iter_rows()
        }


def _sums(held: Sequence[HeldPair]) -> tuple[defaultdict[str, float], defaultdict[str, float]]:
    """Add up the notional by venue and by base."""
    venues: defaultdict[str, float] = defaultdict(float)
    bases: defaultdict[str, float] = defaultdict(float)
    for pair in held:
        bases[pair.base] += pair.notional_usd
        for leg in (pair.long, pair.short):
            venues[leg.venue] += pair.notional_usd
    return venues, bases


def _over(what: str, amount: float, field: str, limit: float) -> str:
    return f"{what} {amount:,.0f} USD would be held; limits.{field} is {limit:,.0f}"
