"""One function over many shards: on threads, on processes of this machine, or on a cluster of Ray.

A shard's result depends on the shard alone, so that all three give the same, bit for bit. Where
something must be opened first (a panel, mapped into memory), a function made by ``opened_once``
opens it once in each process, and a shard is no more than what differs.
"""

import logging
import multiprocessing
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import (
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
)
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, TypeVar

from funding_platform.core.errors import FundingError

S = TypeVar("S")
R = TypeVar("R")

ShardEngine = Literal["threads", "processes", "ray"]

_THREADS_OF_LIBRARIES: Final = ("OMP_NUM_THREADS", "POLARS_MAX_THREADS")
"""Variables by which libraries add up in another order; Ray would set the first itself."""


class ShardError(FundingError):
    """A process that computed a shard died, or the cluster cannot be reached."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Where shards are computed.

    Parameters
    ----------
    engine
        ``threads`` for compiled code that lets go of the interpreter, ``processes`` for all else,
        ``ray`` for the cluster at ``RAY_ADDRESS``, or one on this machine where none is named.
    workers
        Shards at one time; on a cluster its processors decide.
    """

    engine: ShardEngine = "processes"
    workers: int = 1


HERE: Final = Spread()
"""In this process, one after the other."""


def map_shards(
    function: Callable[[S], R],
    shards: Sequence[S],
    spread: Spread,
    *,
    on_result: Callable[[int, R], None] = lambda _number, _result: None,
) -> list[R]:
    """Apply a function to each shard; return the results in the order of the shards.

    Parameters
    ----------
    function
        Can be pickled, as can shards and results, but for threads.
    shards
        What it is applied to.
    spread
        Where. One worker, or one shard, needs no other process.
    on_result
        Told the number and the result of each shard as it ends.

    Raises
    ------
    ShardError
        If a process dies, for example for want of memory, or Ray cannot be used.
    """
    results: dict[int, R] = {}
    try:
        for number, result in _results(function, shards, spread):
            results[number] = result
            on_result(number, result)
    finally:
        _open.clear()  # of this process; the others end, or open something else next
    return [results[number] for number in range(len(shards))]


def opened_once(opener: Callable[[], Callable[[S], R]]) -> Callable[[S], R]:
    """Return a function that calls ``opener`` once in each process, and from then on its result."""
    return _OpenedOnce(opener)


@dataclass(frozen=True)
class _OpenedOnce(Generic[S, R]):
    opener: Callable[[], Callable[[S], R]]
    key: str = field(default_factory=lambda: secrets.token_hex(8))

    def __call__(self, shard: S) -> R:
        if self.key not in _open:
            _open.clear()  # what was opened for another call is not needed any more
            _open[self.key] = self.opener()
        result: R = _open[self.key](shard)
        return result


_open: dict[str, Callable[[Any], Any]] = {}
"""What this process has opened last, by the key of its function."""


def _results(
    function: Callable[[S], R], shards: Sequence[S], spread: Spread
) -> Iterator[tuple[int, R]]:
    if spread.engine == "ray":
        return _on_ray(function, shards)
    workers = min(spread.workers, len(shards))
    if workers <= 1:
        return ((number, function(shard)) for number, shard in enumerate(shards))
    if spread.engine == "threads":
        return _in_pool(ThreadPoolExecutor(workers), function, shards)
    # Spawned: a fork would copy locks of Polars' thread pool in whatever state.
    context = multiprocessing.get_context("spawn")
    return _in_pool(ProcessPoolExecutor(workers, context), function, shards)


def _in_pool(
    pool: Executor, function: Callable[[S], R], shards: Sequence[S]
) -> Iterator[tuple[int, R]]:
    with pool:
        futures: dict[Future[R], int] = {
            pool.submit(function, shard): number for number, shard in enumerate(shards)
        }
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool as error:
            raise ShardError(
                "a process died before its shard was computed", hint=_MEMORY
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


_MEMORY: Final = "most often memory ran out: take fewer workers, or smaller shards"


def _on_ray(function: Callable[[S], R], shards: Sequence[S]) -> Iterator[tuple[int, R]]:
    ray = _connected_ray()
    task = ray.remote(function_of_ray).options(runtime_env={"env_vars": dict(_same_threads())})
    sent = ray.put(function)
    waiting = {task.remote(sent, shard): number for number, shard in enumerate(shards)}
    try:
        while waiting:
            (done, *_), _rest = ray.wait([*waiting], num_returns=1)
            yield waiting.pop(done), ray.get(done)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as error:
        raise ShardError("a worker of Ray died", hint=_MEMORY) from error
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    finally:
        for one in waiting:
            ray.cancel(one)


def function_of_ray(function: Callable[[S], R], shard: S) -> R:
    """Apply it: what a task of Ray does."""
    return function(shard)


def _connected_ray() -> Any:
    """Connect to the cluster, or start one here; whoever has no token is turned away."""
    address = os.environ.get("RAY_ADDRESS")
    if "ray" in sys.modules and "RAY_AUTH_MODE" not in os.environ:
        raise ShardError(
            "Ray was imported before its processes could be told to ask for a token",
            hint="set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH before Ray is imported",
        )
    os.environ.setdefault("RAY_AUTH_MODE", "token")  # read once, as Ray is imported
    if address is None and "RAY_AUTH_TOKEN_PATH" not in os.environ:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
    except ImportError as error:
        raise ShardError(
            "shards are to be computed by Ray, which is not installed",
            hint="pip install 'funding-platform[ray]'",
        ) from error
    if not ray.is_initialized():
        try:
            ray.init(
                address, include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ShardError(
                f"Ray cannot be used: {error}",
                hint="RAY_ADDRESS names the cluster, RAY_AUTH_TOKEN_PATH the file of its token",
            ) from error
    return ray


def _same_threads() -> Mapping[str, str]:
    return {name: os.environ.get(name, "") for name in _THREADS_OF_LIBRARIES}
