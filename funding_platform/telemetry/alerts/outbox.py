"""Sending what waits: in order, at least once, and without one sink waiting for another."""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from filelock import FileLock, Timeout

from funding_platform.telemetry.alerts.errors import SinkError
from funding_platform.telemetry.alerts.sinks import Sink
from funding_platform.telemetry.alerts.store import AlertStore

_LOG = logging.getLogger(__name__)

ROUND: Final = timedelta(seconds=20)
"""After so long nothing more is begun: what is left is sent in the next round."""


def _now() -> datetime:
    return datetime.now(UTC)


def send_due(
    store: AlertStore, sinks: Iterable[Sink], *, clock: Callable[[], datetime] = _now
) -> int:
    """Send every message that waits for one of the sinks; return how many arrived.

    A message is forgotten once it has arrived. Whoever is killed in between sends it again, with
    the same id. What a sink refuses is kept, and what comes after it waits, so that no alert ends
    before it began. One process sends at a time; the others have nothing to do.
    """
    lock = FileLock(store.path.with_suffix(".sending"))
    try:
        with lock.acquire(blocking=False):
            begun = clock()
            return sum(_send_to(store, sink, begun + ROUND, clock) for sink in sinks)
    except Timeout:
        return 0


def _send_to(store: AlertStore, sink: Sink, until: datetime, clock: Callable[[], datetime]) -> int:
    sent = 0
    while (now := clock()) < until and (found := store.next_for(sink.name, now)):
        number, message = found
        try:
            sink.send(message)
        except SinkError as error:
            _LOG.warning("alerts to %s wait: %s", sink.name, error.message)
            store.put_off(sink.name, error.message, now)
            break
        store.acknowledge(number, message, now)
        sent += 1
    return sent
