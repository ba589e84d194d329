"""How long one leg may be alone, from what the executor may do and how long it waits."""

from dataclasses import dataclass

from funding_platform.execution.pair.rules import ExecutionRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the rules do not say: how fast venues answer, and how often they are looked at.

    Parameters
    ----------
    answer_seconds
        The longest that an answer takes which comes.
    timeout_seconds
        How long a client waits for one that does not.
    between_looks_seconds
        The longest from one reconciliation to the next, with all that is done in between.
    """

    answer_seconds: float
    timeout_seconds: float
    between_looks_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """What went wrong while one leg was alone; nothing, where it does not say.

    Parameters
    ----------
    restarts
        How often it was begun anew: the process died (until it is started again does not count),
        a step was left to the next look, or a venue took some of a leg.
    missed_looks
        Looks that a venue did not answer.
    lost_answers
        Questions that a venue did not answer.
    """

    restarts: int = 0
    missed_looks: int = 0
    lost_answers: int = 0


def longest_alone(
    rules: ExecutionRules, around: Surroundings, met: Met | None = None, rounds: int | None = None
) -> float:
    """Return the most seconds that one leg is alone while venues answer and others trade.

    With ``q`` and ``t`` the seconds of an answer that comes and of one that does not, ``p``
    ``poll_seconds``, ``o`` ``order_seconds``, ``g`` ``grace_seconds``, ``r`` ``reprice_seconds``,
    ``w`` ``limit_seconds``, and ``m`` rounds of orders::

        order(x) = max(x, g, t) + 4 q + 2 p     sent, asked about, taken back, its fills read
        reading  = g + 7 q + p                  fills and positions until they agree; limits, mids
        waiting  = 0 if w = 0 else w + order(r) + 2 q + p
        noticing = from one look to the next + 3 q
        step     = order(o) + 2 reading
        pauses   = sum of min(p 2^k, r), k = 1 … m - 1
        longest  = max(waiting, noticing) + step + m (reading + order(o)) + pauses
                 + restarts (noticing + step) + missed looks * noticing + lost answers (t + p)

    Parameters
    ----------
    met
        What went wrong meanwhile.
    rounds
        Rounds of orders after the first; by default as many as are allowed, which are
        ``completions`` and ``close_tries``, and with each restart ``close_tries`` more.
    """
    met = met or Met()
    if rounds is None:
        rounds = rules.completions + (1 + met.restarts) * rules.close_tries
    answer, poll = around.answer_seconds, rules.poll_seconds
    order = _order_seconds(rules, around, rules.order_seconds)
    reading = rules.grace_seconds + 7 * answer + poll
    noticing = around.between_looks_seconds + 3 * answer
    waiting = 0.0
    if rules.limit_seconds:
        resting = _order_seconds(rules, around, rules.reprice_seconds)
        waiting = rules.limit_seconds + resting + 2 * answer + poll
    step = order + 2 * reading
    pauses = sum(pause_seconds(rules, tries) for tries in range(1, rounds))
    return (
        max(waiting, noticing)
        + step
        + rounds * (reading + order)
        + pauses
        + met.restarts * (noticing + step)
        + met.missed_looks * noticing
        + met.lost_answers * (around.timeout_seconds + poll)
    )


def pause_seconds(rules: ExecutionRules, tries: int) -> float:
    """Return the wait before a round: twice as long each time, for a book to refill."""
    return float(min(rules.poll_seconds * 2**tries, rules.reprice_seconds))


def _order_seconds(rules: ExecutionRules, around: Surroundings, patience: float) -> float:
    open_for = max(patience, rules.grace_seconds, around.timeout_seconds)
    return open_for + 4 * around.answer_seconds + 2 * rules.poll_seconds
