"""The files of the webhooks, and the tasks that send what waits in them.

What is active for a webhook and what waits for it lie in a file of its own, and both change in one
transaction: who is killed at any moment loses nothing. Each receiver has a task of its own, so that
none waits for another, and gets one message at a time.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from funding_platform.settings import Settings
from funding_platform.telemetry.alerts.errors import AlertError, SinkError
from funding_platform.telemetry.alerts.observing import Message
from funding_platform.telemetry.alerts.store import AlertStore
from funding_platform.telemetry.webhooks.forms import identity
from funding_platform.telemetry.webhooks.registry import Webhook, read_webhooks
from funding_platform.telemetry.webhooks.sending import ANSWER_SECONDS, Sender

_LOG = logging.getLogger(__name__)

GIVEN_UP_AFTER: Final = timedelta(hours=24)
"""Since a message came to be: beyond it the next refusal is the last."""

T = TypeVar("T")


def state_file(settings: Settings, hook_id: str) -> Path:
    """Return the file with what is active for a webhook, and what waits for it."""
    return settings.service_webhooks_dir / f"{hook_id}.sqlite"


def redeliver(settings: Settings, hook: Webhook, delivery: str | None) -> int:
    """Have messages that were given up wait again for a webhook; return how many.

    Parameters
    ----------
    delivery
        The id of one of them; all where left out.
    """
    with AlertStore(state_file(settings, hook.id)) as store:
        return store.redeliver(hook.id, lambda message: delivery in (None, identity(hook, message)))


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Post:
    """Keeps the messages of the webhooks, and sends them.

    Parameters
    ----------
    settings
        Say where the files are, and where webhooks may go.
    clock
        Tells the time.
    """

    def __init__(self, settings: Settings, clock: Callable[[], datetime] = utc_now) -> None:
        self._settings = settings
        self._clock = clock
        self._sender = Sender(private=settings.service_webhook_private)
        self._thread = ThreadPoolExecutor(1, "webhooks")
        self._stores: dict[str, AlertStore] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ends = False
        self.outcomes: Counter[str] = Counter()

    async def work(self, hook: Webhook, step: Callable[[AlertStore], T]) -> T:
        """Take a step on the file of a webhook, in the one thread that has them open."""
        return await self._in_thread(lambda: step(self._store(hook)))

    async def registered(self) -> list[Webhook]:
        """Read which webhooks there are; forget what was kept of those that are no more.

        Raises
        ------
        WebhookFileError
            If that cannot be read.
        """
        return await self._in_thread(self._registered)

    def send(self, hook: Webhook) -> None:
        """Have what waits for a webhook sent, unless that is under way."""
        task = self._tasks.get(hook.id)
        if task is None or task.done():
            self._tasks[hook.id] = asyncio.create_task(self._send_all(hook))

    async def end(self) -> None:
        """Let messages that are on their way arrive and be noted: else they would come twice."""
        self._ends = True
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=ANSWER_SECONDS)
        for task in self._tasks.values():
            task.cancel()
        await self._in_thread(self._close)
        self._thread.shutdown()

    def _registered(self) -> list[Webhook]:
        hooks = read_webhooks(self._settings.service_webhooks_file)
        known = {hook.id for hook in hooks}
        for gone in self._stores.keys() - known:
            self._stores.pop(gone).__exit__()
        for file in self._settings.service_webhooks_dir.glob("*.sqlite*"):
            if file.name.partition(".")[0] not in known:
                file.unlink(missing_ok=True)
        return hooks

    async def _send_all(self, hook: Webhook) -> None:
        try:
            while not self._ends:
                found = await self.work(hook, lambda store: store.next_for(hook.id, self._clock()))
                if found is None or not await self._sent(hook, *found):
                    return
        except AlertError as error:
            _LOG.warning("webhook %s waits: %s", hook.id, error)

    async def _sent(self, hook: Webhook, number: int, message: Message) -> bool:
        """Send a message; tell whether the next one may go."""
        try:
            await self._sender.send(hook, message)
        except SinkError as error:
            return await self._refused(hook, number, message, error.message)
        now = self._clock()
        await self.work(hook, lambda store: store.acknowledge(number, message, now))
        self.outcomes["delivered"] += 1
        return True

    async def _refused(self, hook: Webhook, number: int, message: Message, why: str) -> bool:
        _LOG.warning("webhook %s waits: %s", hook.id, why)
        self.outcomes["refused"] += 1
        now = self._clock()
        if now - message.at < GIVEN_UP_AFTER:
            await self.work(hook, lambda store: store.put_off(hook.id, why, now))
            return False
        await self.work(hook, lambda store: store.give_up(number, message, why, now))
        self.outcomes["dead"] += 1
        return True

    def _store(self, hook: Webhook) -> AlertStore:
        if hook.id not in self._stores:
            self._stores[hook.id] = AlertStore(state_file(self._settings, hook.id))
        return self._stores[hook.id]

    def _close(self) -> None:
        for store in self._stores.values():
            store.__exit__()
        self._stores.clear()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
