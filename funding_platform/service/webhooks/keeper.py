"""Looks for every webhook, judges what is seen, and has what is to be told sent.

One process of a machine does it at a time: of several that serve, the one that has the lock.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from filelock import FileLock, Timeout

from funding_platform.core.errors import FundingError
from funding_platform.service.reader import Readers, Sources
from funding_platform.service.webhooks.lingering import Lingering
from funding_platform.service.webhooks.post import Post, utc_now
from funding_platform.settings import Settings
from funding_platform.telemetry import declared
from funding_platform.telemetry.alerts.observing import Evaluation
from funding_platform.telemetry.alerts.store import AlertStore
from funding_platform.telemetry.metrics import Family
from funding_platform.telemetry.webhooks.events import EventType
from funding_platform.telemetry.webhooks.registry import Webhook

_LOG = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
LOOK_AT_LAKE_EVERY: Final = timedelta(minutes=5)
"""Ages are by the hour; the lake shows nothing new more often."""

_OF_THE_MARKET: Final[frozenset[EventType]] = frozenset({"opportunity", "funding_rate_change"})


class Keeper:
    """Serves the webhooks.

    Parameters
    ----------
    settings
        Say which there are, and where they may go.
    readers
        Ask lake and board.
    counts
        Tells whether a key has not been withdrawn: the webhooks of one that has wait.
    clock
        Tells the time.
    """

    def __init__(
        self,
        settings: Settings,
        readers: Readers,
        counts: Callable[[str], bool],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._settings = settings
        self._readers = readers
        self._counts = counts
        self._clock = clock
        self._post = Post(settings, clock)
        self._lingering: dict[str, Lingering] = {}
        self._lake_seen: datetime | None = None
        self._woken = asyncio.Event()
        self._served = 0

    def wake(self) -> None:
        """Have it look now: there is a webhook more or less."""
        self._lake_seen = None
        self._woken.set()

    async def keep(self) -> None:
        """Look again and again, while no other process of this machine does."""
        lock = FileLock(self._settings.service_webhooks_file.with_suffix(".sending"))
        try:
            while True:
                if lock.is_locked or self._taken(lock):
                    await self._round_or_log()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._woken.wait()
                self._woken.clear()
        finally:
            await self._post.end()
            lock.release()

    def _taken(self, lock: FileLock) -> bool:
        """Take the part of whoever looks and sends, if nobody has it."""
        if not self._settings.service_webhooks_file.exists():
            return False
        with suppress(OSError, Timeout):
            lock.acquire(blocking=False)
        return lock.is_locked

    async def _round_or_log(self) -> None:
        """Go round; of a bug the log is told, and the next round comes all the same."""
        try:
            await self._round()
        except Exception:  # noqa: BLE001 - whatever it is, the log has it, and others are served
            _LOG.exception("webhooks were not looked at")

    async def _round(self) -> None:
        try:
            kept = await self._post.registered()
        except FundingError as error:
            _LOG.warning("webhooks wait: %s", error)
            return
        hooks = [hook for hook in kept if self._counts(hook.owner)]
        self._served = len(hooks)
        platform = await self._platform(hooks)
        for hook in hooks:
            await self._look(hook, platform)
            self._post.send(hook)

    async def _platform(self, hooks: list[Webhook]) -> list[Evaluation]:
        """Look once for all at how the platform is."""
        if not any({*hook.events} - _OF_THE_MARKET for hook in hooks):
            return []
        from funding_platform.service.webhooks.observing import of_platform

        now = self._clock()
        lake = self._lake_seen is None or now - self._lake_seen >= LOOK_AT_LAKE_EVERY
        try:
            seen = await self._readers.ask(lambda sources: of_platform(sources, lake=lake))
        except FundingError as error:
            _LOG.info("how the platform is cannot be told for now: %s", error.message)
            return []
        if lake:
            self._lake_seen = now
        return seen

    async def _look(self, hook: Webhook, platform: list[Evaluation]) -> None:
        """Judge what is seen for one webhook."""
        # It knows every rule and source, and takes a second to load: who has no webhook has no use.
        from funding_platform.service.webhooks.observing import (
            narrowed_for,
            of_market,
            rules_for,
            telling,
        )

        rules = rules_for(hook, self._settings)
        lingering = self._lingering.setdefault(hook.id, Lingering())

        def seen(sources: Sources) -> list[Evaluation]:
            market = of_market(hook, sources, rules)
            return [*market, *narrowed_for(hook, platform, sources)]

        def judge(store: AlertStore) -> None:
            now = self._clock()
            active = {(alert.kind, alert.subject) for alert in store.active()}
            told = [telling(one, rules[one.kind], active) for one in found]
            store.observe([lingering.of(one, active, now) for one in told], [hook.id], now, rules)

        try:
            found = await self._readers.ask(seen)
            await self._post.work(hook, judge)
        except FundingError as error:
            _LOG.info("nothing new for webhook %s for now: %s", hook.id, error.message)

    def families(self) -> list[Family]:
        """Return how many webhooks are served here, and what became of their messages."""
        outcomes = sorted(self._post.outcomes.items())
        return [
            declared.SERVICE_WEBHOOKS.single(float(self._served)),
            declared.SERVICE_WEBHOOK_MESSAGES.of(
                {(outcome,): float(number) for outcome, number in outcomes}
            ),
        ]
