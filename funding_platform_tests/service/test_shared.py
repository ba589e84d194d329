"""Answers that instances share in Redis: the same, never stale, and nothing without it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from funding_platform.service.access.keys import Rate, create_key
from funding_platform.service.shared import SharedCacheError
from funding_platform.settings import Settings
from funding_platform_tests.service.redis_server import RedisServer, redis_server
from funding_platform_tests.service.server import Served, served
from funding_platform_tests.waiting import until

RATES = "/api/v1/funding-rates?base=BTC"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as running:
        yield running


def over(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"redis_url": SecretStr(url)})


def hits(service: Served, tier: str) -> float:
    return service.figure("funding_service_cache_answers_total", tier=tier, found="yes")


@pytest.mark.world
def test_what_one_has_made_another_sends(lake_settings: Settings, server: RedisServer) -> None:
    settings = over(lake_settings, server.url)
    with served(settings) as first, served(settings) as second:
        made = first.get(RATES)
        until(server.names, "the answer is in Redis")
        sent = second.get(RATES)
        assert (sent.content, sent.headers["etag"]) == (made.content, made.headers["etag"])
        assert hits(second, "redis") == 1
        again = second.get(RATES, headers={"If-None-Match": made.headers["etag"]})
        assert again.status_code == 304
        assert hits(second, "process") == 1
        until(lambda: not server.names(), "what has grown old is forgotten")


@pytest.mark.world
def test_a_fee_set_at_one_is_in_force_at_the_other(own_lake: Settings, server: RedisServer) -> None:
    settings = over(own_lake, server.url)
    rate = Rate(10_000, 1.0)
    key, _ = create_key(settings.service_keys_file, name="a", scope="admin", rate=rate)
    path, fees = "/api/v1/fees?venue=okx", "/api/v1/admin/venues/okx/fees"
    body = {"maker_bps": 1.0, "taker_bps": 3.25, "note": "agreed"}
    with served(settings) as first, served(settings) as second:
        before = second.get(path)
        with first.client() as client:
            put = client.put(fees, json=body, headers={"Authorization": f"Bearer {key}"})
        assert put.status_code == 200, put.text
        assert 3.25 in {row["taker_bps"] for row in first.get(path).json()["data"]}
        until(lambda: second.get(path).headers["etag"] != before.headers["etag"], "the other knows")
        assert 3.25 in {row["taker_bps"] for row in second.get(path).json()["data"]}


@pytest.mark.world
def test_a_redis_that_dies_and_comes_back_costs_no_request(
    lake_settings: Settings, server: RedisServer
) -> None:
    settings = over(lake_settings, server.url)
    statuses: list[int] = []
    ends = threading.Event()

    def ask(service: Served) -> None:
        with service.client() as client:
            number = 0
            while not ends.is_set():
                number += 1  # of each limit there is another answer, which nobody has made yet
                path = f"/api/v1/history/funding-rates/binance/BTC?period=7d&limit={number}"
                statuses.append(client.get(path).status_code)

    with served(settings) as service:
        asking = threading.Thread(target=ask, args=(service,))
        asking.start()
        until(lambda: len(statuses) > 20, "it is asked while Redis is there")
        server.kill()
        seen = len(statuses)
        until(lambda: len(statuses) > seen + 20, "it is asked while Redis is gone")
        failures = service.figure("funding_service_redis_failures_total")
        server.start()
        until(server.names, "answers are shared again")
        ends.set()
        asking.join()
    assert {*statuses} == {200}
    assert failures > 0


def test_what_is_no_redis_is_refused_in_words(tmp_path: Path) -> None:
    with (
        pytest.raises(SharedCacheError, match="no address of a Redis") as refused,
        served(over(Settings(data_dir=tmp_path), "http://user:canary@host")),
    ):
        pass
    assert "canary" not in str(refused.value)
