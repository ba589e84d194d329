"""Answers that instances of the service share, in Redis; without it each makes its own.

An answer is kept as in the process: for the versions that it was made of, and for as long as it is
good at most, by Redis' own clock, so that no two clocks need agree. Whoever sees a new version says
so, and the others look at once. A Redis that is slow, gone or back again costs no request more than
a moment: it is asked again a second later.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from funding_platform.core.errors import FundingError
from funding_platform.core.system.source_code import source_digest
from funding_platform.service.cache import Cache, Entry, Key, Version
from funding_platform.settings import Settings
from funding_platform.telemetry import declared
from funding_platform.telemetry.metrics import Family

if TYPE_CHECKING:
    from redis.asyncio import Redis

_LOG = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 0.25
"""Longest wait for Redis, which answers in a fraction of a millisecond or not at all."""

LEFT_ALONE_SECONDS: Final = 1.0
LARGEST_BYTES: Final = 8 * 2**20
MOST_PUTTING: Final = 16
"""Answers on their way to Redis at one time; more are not shared."""

CODE: Final = ("service", "flows", "arbitrage", "curves", "core")
"""What an answer is made by: instances of other code share nothing."""

T = TypeVar("T")


class SharedCacheError(FundingError):
    """Redis is asked for and cannot be used at all."""


class _Stored(msgspec.Struct, array_like=True):
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    tag: bytes
    version: Version
    max_age: float


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Stored)
_VERSION: Final = msgspec.msgpack.Decoder(Version)


def namespace_of(settings: Settings, *, private: bool) -> str:
    """Return what tells apart the answers of one code over one lake, for one kind of reader."""
    told = repr((source_digest(*CODE), str(settings.data_dir), settings.service_rows, private))
    return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()


class SharedCache:
    """Encoded answers in Redis.

    Parameters
    ----------
    url
        Of Redis; it may hold a password.
    namespace
        Of those who share.
    is_current
        Tells whether a version is the newest.

    Raises
    ------
    SharedCacheError
        If the library is not installed, or the address is none.
    """

    def __init__(self, url: str, namespace: str, is_current: Callable[[Version], bool]) -> None:
        self._redis = _opened(url)
        self._prefix = f"funding:{namespace}:"
        self._channel = f"{self._prefix}versions"
        self._is_current = is_current
        self._asked_again_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self.hits = 0
        self.misses = 0
        self.failures = 0

    async def get(self, key: Key) -> Entry | None:
        """Return the answer to what is asked, if another has it and it is still good."""

        async def asked() -> tuple[bytes | None, int]:
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.get(self._name(key))
                pipeline.pttl(self._name(key))
                value, left = await pipeline.execute()
                return value, left

        found = await self._guarded(asked)
        entry = None if found is None or found[0] is None else _entry(*found)
        if entry is None or not self._is_current(entry.version):
            self.misses += 1
            return None
        self.hits += 1
        return entry

    def put(self, key: Key, entry: Entry) -> None:
        """Have others know an answer, without waiting for it."""
        left = entry.max_age - entry.age(time.monotonic())
        if len(entry.body) > LARGEST_BYTES or left <= 0 or len(self._tasks) >= MOST_PUTTING:
            return
        stored = _Stored(entry.headers, entry.body, entry.tag, entry.version, entry.max_age)
        told = _ENCODER.encode(stored)
        self._begin(lambda: self._redis.set(self._name(key), told, px=max(1, int(1e3 * left))))

    def publish(self, version: Version) -> None:
        """Tell the others of a version that was seen, without waiting for it."""
        self._begin(lambda: self._redis.publish(self._channel, _ENCODER.encode(version)))

    async def keep(self, look: Callable[[Version], Awaitable[None]]) -> None:
        """Hear what versions others have seen, and look; again and again, whatever breaks."""
        import redis

        try:
            while True:
                try:
                    await self._hear(look)
                except (redis.RedisError, OSError) as error:
                    self._note(error)
                await asyncio.sleep(LEFT_ALONE_SECONDS)
        finally:
            for task in self._tasks:
                task.cancel()
            await self._redis.aclose()

    async def _hear(self, look: Callable[[Version], Awaitable[None]]) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as heard:
            await heard.subscribe(self._channel)
            while True:
                message = await heard.get_message(timeout=LEFT_ALONE_SECONDS)
                if message is not None:
                    await look(_VERSION.decode(message["data"]))

    def _begin(self, work: Callable[[], Awaitable[object]]) -> None:
        async def done() -> None:
            await self._guarded(work)

        task = asyncio.create_task(done())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """Ask Redis; None where it does not answer, and for a second after that."""
        import redis

        if time.monotonic() < self._asked_again_at:
            return None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await work()
        except (redis.RedisError, OSError, TimeoutError) as error:
            self._note(error)
            return None

    def _note(self, error: Exception) -> None:
        if time.monotonic() >= self._asked_again_at:
            _LOG.warning("Redis is left alone for a moment: %s", type(error).__name__)
        self.failures += 1
        self._asked_again_at = time.monotonic() + LEFT_ALONE_SECONDS

    def _name(self, key: Key) -> str:
        return self._prefix + hashlib.blake2b(repr(key).encode(), digest_size=16).hexdigest()


def _opened(url: str) -> "Redis":
    try:
        from redis.asyncio import Redis
    except ImportError:
        raise SharedCacheError(
            "FUNDING_REDIS_URL is set, and the library redis is not installed",
            hint="pip install 'funding-platform[redis]'",
        ) from None
    try:
        return Redis.from_url(
            url, socket_timeout=None, socket_connect_timeout=ANSWER_SECONDS, max_connections=32
        )
    except ValueError:
        raise SharedCacheError(
            "FUNDING_REDIS_URL is no address of a Redis", hint="write redis://host:6379/0"
        ) from None


def _entry(value: bytes | None, left_ms: int) -> Entry | None:
    """Read an answer; its age is what Redis has left of its time."""
    if value is None or left_ms <= 0:
        return None
    try:
        stored = _DECODER.decode(value)
    except msgspec.DecodeError:  # of something else that uses this Redis
        return None
    made_at = time.monotonic() - max(0.0, stored.max_age - left_ms / 1e3)
    return Entry(stored.headers, stored.body, stored.tag, stored.version, stored.max_age, made_at)


def cache_families(cache: Cache, shared: SharedCache | None) -> list[Family]:
    """Return what the tiers hold and how often an answer was there already."""
    asked = {("process",): (cache.hits, cache.misses)}
    told = [declared.SERVICE_CACHE_BYTES.single(float(cache.held_bytes))]
    if shared is not None:
        asked["redis",] = (shared.hits, shared.misses)
        told.append(declared.SERVICE_REDIS_FAILURES.single(float(shared.failures)))
    answers: dict[tuple[str, ...], float] = {
        (tier, found): float(number)
        for (tier,), counted in asked.items()
        for found, number in zip(("yes", "no"), counted, strict=True)
    }
    ratios: dict[tuple[str, ...], float] = {
        tier: hits / (hits + misses) for tier, (hits, misses) in asked.items() if hits + misses
    }
    told.append(declared.SERVICE_CACHE_ANSWERS.of(answers))
    return [*told, declared.SERVICE_CACHE_HIT_RATIO.of(ratios)] if ratios else told
