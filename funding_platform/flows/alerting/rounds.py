"""A round of the alerts: look at the lake, judge what was seen, send what is to be told."""

import logging
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Final

import duckdb

from funding_platform.core.errors import FundingError
from funding_platform.core.plain_text import legible
from funding_platform.flows.alerting.live_sources import live_evaluations
from funding_platform.flows.alerting.scene import Scene, Source
from funding_platform.flows.alerting.sources import ERROR_LENGTH, SOURCES
from funding_platform.flows.errors import NotBuiltError
from funding_platform.lake import connect
from funding_platform.lake.errors import LakeLockedError, LakeMissingError
from funding_platform.settings import Settings
from funding_platform.telemetry.alerts.errors import SinkConfigError, SinkError, UnknownAlertError
from funding_platform.telemetry.alerts.observing import (
    Alert,
    Evaluation,
    Message,
    Observation,
    trial_message,
)
from funding_platform.telemetry.alerts.outbox import send_due
from funding_platform.telemetry.alerts.rules import (
    COVERAGE_LOSS,
    CURVE_Z,
    LAKE_UNREADABLE,
    OPPORTUNITY,
    RULES,
    RUN_FAILED,
    STALE,
    VENUE_DOWN,
    Rule,
)
from funding_platform.telemetry.alerts.sinks import AppriseSink, LogSink, Sink, WebhookSink
from funding_platform.telemetry.alerts.store import AlertStore, Waiting
from funding_platform.venues.registry import venue_names

_LOG = logging.getLogger(__name__)

LAKE: Final = "The lake"
"""The subject of an alert about all of it."""


def rules_of(settings: Settings) -> dict[str, Rule]:
    """Return the rules with the bounds of the settings."""
    bounds = {
        STALE: settings.alert_stale_factor,
        VENUE_DOWN: settings.alert_failed_collections,
        COVERAGE_LOSS: settings.alert_missing_share,
        CURVE_Z: settings.alert_z,
        OPPORTUNITY: settings.alert_net_apr,
    }
    return {**RULES, **{rule.kind: rule.raised_at(bound) for rule, bound in bounds.items()}}


def sinks_of(settings: Settings) -> list[Sink]:
    """Return where the settings have messages sent: the log, and what else they name.

    Raises
    ------
    SinkConfigError
        If an address or the secret makes no sense, or apprise is needed and not installed.
    """
    sinks: list[Sink] = [LogSink()]
    url, secret = settings.alert_webhook_url, settings.alert_webhook_secret
    if url is not None:
        if secret is None:
            raise SinkConfigError(
                "FUNDING_ALERT_WEBHOOK_URL is set, and FUNDING_ALERT_WEBHOOK_SECRET is not",
                hint='make one: echo "whsec_$(openssl rand -base64 32)"',
            )
        sinks.append(WebhookSink(url.get_secret_value(), secret.get_secret_value()))
    if settings.alert_apprise_urls is not None:
        sinks += map(AppriseSink, settings.alert_apprise_urls.get_secret_value().split())
    return sinks


def evaluate(settings: Settings, now: datetime, known: Collection[str] = ()) -> list[Evaluation]:
    """Observe everything that there are rules for, bar runs, which the orchestrator knows.

    What cannot be observed is left out, so that its alerts stay as they are.

    Parameters
    ----------
    known
        Kinds of which something newer is known, which the lake need not be asked for.
    """
    try:
        lake = connect(settings)
    except LakeMissingError:
        return []
    except LakeLockedError as error:  # whoever keeps it locked lets go of it
        _LOG.warning("alerts cannot be judged now: %s", error)
        return []
    except (FundingError, duckdb.Error) as error:
        return [_lake_seen(1.0, legible(str(error), ERROR_LENGTH))]
    with lake:
        venues = list(settings.venues or venue_names())
        scene = Scene(lake, settings, venues, rules_of(settings), now)
        return [_lake_seen(0.0, "it was opened"), *_observed(scene, known)]


def run_observed(
    settings: Settings, subject: str, *, failed: bool, text: str, now: datetime
) -> list[Message]:
    """Note how a run has ended; send nothing yet."""
    seen = Observation(subject, float(failed), legible(text, ERROR_LENGTH))
    names = [sink.name for sink in sinks_of(settings)]
    with AlertStore(settings.alerts_file) as store:
        return store.observe([Evaluation(RUN_FAILED.kind, [seen], whole=False)], names, now)


def look(settings: Settings, now: datetime) -> list[Message]:
    """Evaluate, and put what is to be told into the outbox; return it."""
    names = [sink.name for sink in sinks_of(settings)]
    with AlertStore(settings.alerts_file) as store:
        live = live_evaluations(settings, now)
        seen = evaluate(settings, now, {one.kind for one in live})
        return store.observe([*seen, *live], names, now, rules_of(settings))


def look_live(settings: Settings, now: datetime) -> list[Message]:
    """Do the same for what the live collector hands out alone."""
    names = [sink.name for sink in sinks_of(settings)]
    with AlertStore(settings.alerts_file) as store:
        seen = live_evaluations(settings, now)
        return store.observe(seen, names, now, rules_of(settings))


def send(settings: Settings) -> int:
    """Send what is due; return how many messages arrived."""
    with AlertStore(settings.alerts_file) as store:
        return send_due(store, sinks_of(settings))


def standing(settings: Settings) -> tuple[list[Alert], dict[str, Waiting]]:
    """Return the active alerts, and how every sink stands."""
    with AlertStore(settings.alerts_file) as store:
        return store.active(), store.waiting()


def end(settings: Settings, kind: str, subject: str, now: datetime) -> Message:
    """End an alert by hand.

    Raises
    ------
    UnknownAlertError
        If there is no such alert.
    """
    names = [sink.name for sink in sinks_of(settings)]
    with AlertStore(settings.alerts_file) as store:
        ended = store.end(kind, subject, names, now) if kind in RULES else None
    if ended is None:
        raise UnknownAlertError(
            f"there is no active alert {kind!r} about {subject!r}",
            hint="`funding alerts list` has those that are",
        )
    return ended


def try_out(settings: Settings, now: datetime) -> dict[str, str | None]:
    """Send a test to every sink, past the outbox; return what each refused it with, if it did."""
    return {sink.name: _refusal(sink, now) for sink in sinks_of(settings)}


def _refusal(sink: Sink, now: datetime) -> str | None:
    try:
        sink.send(trial_message(now))
    except SinkError as error:
        return error.message
    return None


def _lake_seen(value: float, text: str) -> Evaluation:
    return Evaluation(LAKE_UNREADABLE.kind, [Observation(LAKE, value, text)])


def _observed(scene: Scene, known: Collection[str]) -> Iterator[Evaluation]:
    """Ask every source, within one transaction: of one state, and a third as long as each alone."""
    scene.lake.begin()
    for kind, source in SOURCES.items():
        seen = None if kind in known else _guarded(kind, source, scene)
        if seen is not None:
            yield Evaluation(kind, seen)


def _guarded(kind: str, source: Source, scene: Scene) -> list[Observation] | None:
    """Ask one source; what it cannot answer is no reason to ask no other."""
    try:
        return source(scene)
    except NotBuiltError:
        return None
    except (FundingError, duckdb.Error) as error:
        _LOG.warning("alerts of kind %s cannot be judged: %s", kind, error)
        scene.lake.rollback()  # a transaction in which something failed answers nothing any more
        scene.lake.begin()
        return None
