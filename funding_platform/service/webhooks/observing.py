"""What is observed for a webhook: of the market as it stands, and of how the platform is.

The figures and sentences are those of the alerts. What is looked at for all webhooks at once is
narrowed here to what one of them wants.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.flows.alerting.live_sources import live_evaluations
from funding_platform.flows.alerting.rounds import evaluate, rules_of, standing
from funding_platform.flows.alerting.sources import pair_seen
from funding_platform.service.market import current_opportunities, current_rates
from funding_platform.service.reader import Sources
from funding_platform.settings import Settings
from funding_platform.telemetry.alerts.observing import Evaluation, Observation
from funding_platform.telemetry.alerts.rules import (
    CHECK_FAILED,
    CURVE_Z,
    OPPORTUNITY,
    RUN_FAILED,
    Rule,
)
from funding_platform.telemetry.webhooks.events import KINDS, RATE_MOVED, at_least
from funding_platform.telemetry.webhooks.registry import Webhook

MOST_PAIRS: Final = 10_000

OF_THE_ORCHESTRATOR: Final = (RUN_FAILED.kind, CHECK_FAILED.kind)
"""Kinds that only the alerts know, to whom the orchestrator tells them."""

_BASIS_POINTS: Final = 1e4


def rules_for(hook: Webhook, settings: Settings) -> dict[str, Rule]:
    """Return the rules of a webhook: those of the settings, with the bounds that it states."""
    rules = {**rules_of(settings), RATE_MOVED.kind: RATE_MOVED}
    for event, bound in hook.bounds.items():
        rules |= {rule.kind: rule.raised_at(bound) for rule in KINDS[event]}
    least = hook.filters.get("min_net_apr")
    if least is not None:
        rules[OPPORTUNITY.kind] = at_least(least)
    return rules


def of_market(hook: Webhook, sources: Sources, rules: dict[str, Rule]) -> list[Evaluation]:
    """Observe the market as one webhook wants it.

    Raises
    ------
    FundingError
        If neither lake nor board can be asked.
    """
    found = []
    if "opportunity" in hook.events:
        found.append(_pairs(hook, sources, rules[OPPORTUNITY.kind]))
    if "funding_rate_change" in hook.events:
        found.append(_moved(hook, sources))
    return found


def of_platform(sources: Sources, *, lake: bool) -> list[Evaluation]:
    """Observe for all webhooks how the platform is.

    Parameters
    ----------
    lake
        Whether the lake is looked at too, which takes longer; what of it is known from the board
        is not asked of it.
    """
    settings, now = sources.settings, sources.now
    live = [one for one in live_evaluations(settings, now) if one.kind != OPPORTUNITY.kind]
    known = {one.kind for one in live} | {OPPORTUNITY.kind}
    stored = evaluate(settings, now, known) if lake else []
    return [*live, *stored, *_told_by_orchestrator(settings)]


def narrowed_for(hook: Webhook, seen: Sequence[Evaluation], sources: Sources) -> list[Evaluation]:
    """Return what of it one webhook wants."""
    kinds = {rule.kind for event in hook.events for rule in KINDS[event]}
    wanted = OpportunityFilter.model_validate(hook.filters)
    return [
        replace(one, observations=[*_wanted(one, wanted, sources)])
        for one in seen
        if one.kind in kinds
    ]


def telling(evaluation: Evaluation, rule: Rule, active: Collection[tuple[str, str]]) -> Evaluation:
    """Leave out what begins nothing and may end nothing: of thousands of rates, nearly all."""
    kept = [
        one
        for one in evaluation.observations
        if (evaluation.kind, one.subject) in active
        or (one.value is not None and one.value >= rule.raise_at)
    ]
    return replace(evaluation, observations=kept)


def _pairs(hook: Webhook, sources: Sources, rule: Rule) -> Evaluation:
    """Observe the best pair of every asset that passes the filter, down to the lower bound."""
    stated = hook.filters | {"min_net_apr": rule.resolve_at, "limit": MOST_PAIRS}
    wanted = OpportunityFilter.model_validate(stated)
    rows = current_opportunities(sources, wanted, best=True).frame.iter_rows(named=True)
    return Evaluation(OPPORTUNITY.kind, [pair_seen(row) for row in rows])


def _moved(hook: Webhook, sources: Sources) -> Evaluation:
    """Observe how far the rates that are expected next are from those that settled last."""
    wanted = OpportunityFilter.model_validate(hook.filters)
    frame = _of_filter(current_rates(sources).frame, wanted)
    return Evaluation(RATE_MOVED.kind, [_rate_seen(*row) for row in frame.select(_MOVED).rows()])


_MOVED: Final = ("venue", "venue_symbol", "base", "predicted_rate_8h", "settled_rate_8h")


def _rate_seen(
    venue: str, symbol: str, base: str | None, expected: float | None, settled: float | None
) -> Observation:
    moved = None
    if expected is not None and settled is not None:
        moved = abs(expected - settled) * _BASIS_POINTS
    return Observation(
        f"{symbol} on {venue}",
        moved,
        f"{_rate(expected)} is expected next, {_rate(settled)} settled last, both for 8 hours",
        {
            "venue": venue,
            "venue_symbol": symbol,
            "base": base,
            "predicted_rate_8h": expected,
            "settled_rate_8h": settled,
        },
    )


def _rate(value: float | None) -> str:
    return "a rate that is not known" if value is None else f"{100 * value:.4f} %"


def _of_filter(frame: pl.DataFrame, wanted: OpportunityFilter) -> pl.DataFrame:
    """Keep the instruments that may be a leg of a pair that passes."""
    for column, names in (
        ("venue", wanted.venues),
        ("base", wanted.bases),
        ("venue_symbol", wanted.symbols),
    ):
        if names:
            frame = frame.filter(pl.col(column).is_in(names))
    return frame.filter(~pl.col("venue").is_in(wanted.exclude_venues))


def _wanted(
    evaluation: Evaluation, wanted: OpportunityFilter, sources: Sources
) -> Iterator[Observation]:
    """Yield what passes; what is of no venue, such as the collector, is of interest to all."""
    instruments = None
    if evaluation.kind == CURVE_Z.kind and (wanted.bases or wanted.symbols):
        frame = _of_filter(current_rates(sources).frame, wanted)
        instruments = {*frame.select("venue", "venue_symbol").rows()}
    for one in evaluation.observations:
        details = one.details
        venue = details.get("venue", one.subject if evaluation.kind in _BY_VENUE else None)
        if venue is not None and (
            (wanted.venues and venue not in wanted.venues) or venue in wanted.exclude_venues
        ):
            continue
        if instruments is None or (venue, details.get("venue_symbol")) in instruments:
            yield one


_BY_VENUE: Final = frozenset(rule.kind for rule in KINDS["venue_down"])


def _told_by_orchestrator(settings: Settings) -> Iterator[Evaluation]:
    """Repeat what the alerts know of runs and checks; nothing where there are no alerts."""
    if not settings.alerts_file.exists():
        return
    active, _ = standing(settings)
    for kind in OF_THE_ORCHESTRATOR:
        seen = [
            Observation(alert.subject, alert.value, alert.text, alert.details)
            for alert in active
            if alert.kind == kind
        ]
        yield Evaluation(kind, seen)
