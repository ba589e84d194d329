"""The client asks what the service answers, and says what it refuses."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from funding_platform.client import AsyncClient, Client, ServiceError, UnreachableError
from funding_platform.client.clients import Questions
from funding_platform.flows.queries import open_lake, settled_rates
from funding_platform.service.access.keys import Rate, create_key
from funding_platform.settings import Settings
from funding_platform_tests.service.server import Served, hand_out, served

START, END = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 3, 9, tzinfo=UTC)


def questions(client: Questions[Any]) -> list[Any]:
    """Every question once."""
    return [
        client.funding_rates(base="BTC"),
        client.funding_rate("hyperliquid", "BTC", include_metadata=True),
        client.opportunities(venues=["binance", "okx", "bybit"], limit=3),
        client.best_opportunities(min_net_apr=-1e6),
        client.compare("binance", "okx"),
        client.history("hyperliquid", "BTC", start=START, end=END, interval="1d"),
        client.candles("binance", "BTC", start=START, end=END),
        client.statistics("BTC", period="30d"),
        client.curves("BTC"),
        client.features("hyperliquid", "BTC", at=END),
        client.prediction("hyperliquid", "BTC"),
        client.venues(),
        client.symbols("okx", base="BTC"),
        client.fees(venue="okx"),
        client.backtests(),
        client.depth("binance", "BTC"),
        client.positions(open=True),
        client.performance(start=START),
        client.trading_events(),
        client.alerts(),
        client.health(),
    ]


def test_every_question_is_answered_alike_in_both_ways(service: Served) -> None:
    async def asked() -> list[Any]:
        async with AsyncClient(service.url) as client:
            return [await answer for answer in questions(client)]

    with Client(service.url) as client:
        found = questions(client)
    assert [one.data for one in asyncio.run(asked())] == [one.data for one in found]
    assert [len(one) for one in found].count(0) == 1  # no alert is active
    assert len(found) == sum(not name.startswith("_") for name in vars(Questions))


def test_pages_are_followed_to_the_last(service: Served) -> None:
    with Client(service.url) as client:
        pages = [*client.history_pages("hyperliquid", "BTC", start=START, end=END, limit=70)]
    found = pl.concat([page.frame() for page in pages], how="vertical_relaxed")
    with open_lake(service.settings) as lake:
        expected = settled_rates(lake, "hyperliquid", "BTC", START, END)
    assert len(pages) == 3
    assert found["funding_time"].to_list() == expected["funding_time"].to_list()
    assert found["funding_rate"].to_list() == expected["funding_rate"].to_list()


def test_a_refusal_says_what_the_service_says(service: Served) -> None:
    with Client(service.url) as client, pytest.raises(ServiceError) as refusal:
        client.funding_rates(bsae="BTC")
    assert refusal.value.status == 422
    assert "did you mean base" in refusal.value.fields["bsae"]
    assert refusal.value.hint


def test_nobody_at_the_address_is_said_so() -> None:
    with Client("http://127.0.0.1:1") as client, pytest.raises(UnreachableError, match="answer"):
        client.health()


def test_the_key_goes_along(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, live=False)
    file, rate = settings.service_keys_file, Rate(100, 1.0)
    key, _ = create_key(file, name="desk", scope="read", rate=rate)
    with served(settings, public=True) as service:
        with Client(service.url, key=key) as client:
            assert len(client.venues()) > 10
        with Client(service.url) as client, pytest.raises(ServiceError, match="key") as refusal:
            client.venues()
    assert refusal.value.status == 401


def test_changes_are_followed(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, live=False)
    hand_out(settings, 1e-4)

    async def followed(url: str) -> list[dict[str, Any]]:
        messages = []
        async with AsyncClient(url) as client:
            async for message in client.stream("funding_rates", venues=["binance"]):
                messages.append(message)
                if message["type"] == "snapshot":
                    hand_out(settings, 2e-4, version=2)
                if message["type"] == "changes":
                    return messages
        return messages

    with served(settings) as service:
        messages = asyncio.run(followed(service.url))
    kinds = [message["type"] for message in messages if message["type"] != "heartbeat"]
    assert kinds == ["subscribed", "snapshot", "changes"]
    assert [row["predicted_rate"] for row in messages[-1]["data"]] == [2e-4]
