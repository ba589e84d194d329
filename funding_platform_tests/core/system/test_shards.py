"""Shards on threads, processes and Ray: the same results, bit for bit, and deaths that are told."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from funding_platform.core.system.shards import (
    ShardEngine,
    ShardError,
    Spread,
    map_shards,
    opened_once,
)

ENGINES = ("threads", "processes", pytest.param("ray", marks=pytest.mark.cluster))


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[ShardEngine]:
    """One of them; a cluster of Ray on this machine ends with the test."""
    # Not imported to find out: by then Ray has decided how its processes let each other in.
    if request.param == "ray" and find_spec("ray") is None:
        pytest.skip("needs the extra `ray`")
    yield request.param
    if request.param == "ray":
        import ray

        ray.shutdown()


def moments(seed: int) -> bytes:
    """Sums whose last bits tell in which order they were added."""
    values = np.random.default_rng(seed).normal(size=(400, 60))
    return bytes((values.T @ values).tobytes() + np.cumsum(values).tobytes())


def opener(told: str) -> Callable[[int], tuple[str, int, int]]:
    opened = [0]

    def work(shard: int) -> tuple[str, int, int]:
        opened[0] += 1
        return told, shard, opened[0]

    return work


def die(_: int) -> None:
    os._exit(1)


def refuse(shard: int) -> int:
    if shard:
        raise ValueError("no such shard")
    return shard


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_results_are_those_of_one_process(engine: ShardEngine) -> None:
    done = dict[int, bytes]()
    expected = [moments(seed) for seed in range(6)]
    found = map_shards(moments, range(6), Spread(engine, 2), on_result=done.__setitem__)
    assert found == expected
    assert done == dict(enumerate(expected))


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_an_error_is_raised_as_it_is(engine: ShardEngine) -> None:
    with pytest.raises(ValueError, match="no such shard"):
        map_shards(refuse, range(3), Spread(engine, 2))


@pytest.mark.parametrize("engine", [ENGINES[1], ENGINES[2]], indirect=True)
def test_what_shards_share_is_opened_once_in_each_process(engine: ShardEngine) -> None:
    found = map_shards(opened_once(partial(opener, "told")), range(6), Spread(engine, 2))
    assert [one[:2] for one in found] == [("told", shard) for shard in range(6)]
    assert max(one[2] for one in found) > 1


def test_nothing_is_kept_open_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = list[str]()

    def counted(name: str) -> Callable[[int], int]:
        calls.append(name)
        return lambda shard: shard

    for name in ("first", "second"):
        function: Any = opened_once(partial(counted, name))
        assert map_shards(function, [1, 2], Spread()) == [1, 2]
    assert calls == ["first", "second"]


def test_a_process_that_dies_is_told() -> None:
    with pytest.raises(ShardError, match="a process died"):
        map_shards(die, range(2), Spread("processes", 2))


def test_no_shards_need_no_process() -> None:
    assert map_shards(moments, [], Spread("processes", 2)) == []
