"""What is told of the present out of the lake: rates, opportunities, features, venues."""

from datetime import datetime

import msgspec
import pytest

from funding_platform.arbitrage import OpportunityFilter
from funding_platform.flows.queries import (
    open_lake,
    ranked_opportunities,
)
from funding_platform_tests.service.lake import END
from funding_platform_tests.service.rest.asking import API, answered, refused
from funding_platform_tests.service.server import Served


def test_rates_of_the_lake_say_so(service: Served) -> None:
    told = answered(service, "/funding-rates", base="BTC")
    assert (told["source"], told["next_cursor"]) == ("lake", None)
    assert isinstance(told["snapshot"], int)
    assert told["data_age_seconds"] > 0
    assert {row["base"] for row in told["data"]} == {"BTC"}
    assert told["rows"] == len(told["data"])
    seen = [row for row in told["data"] if row["predicted_rate"] is not None]
    assert seen
    for row in seen:
        if (hours := row["predicted_interval_hours"]) is not None:
            assert row["predicted_rate_8h"] == pytest.approx(row["predicted_rate"] * 8 / hours)
    assert any(row["predicted_rate"] is None for row in answered(service, "/funding-rates")["data"])


def test_opportunities_are_those_of_the_query(service: Served) -> None:
    told = answered(service, "/opportunities", limit=5, fee_tiers="binance=base", horizon="1d")
    with open_lake(service.settings) as lake:
        wanted = OpportunityFilter(limit=5, fee_tiers={"binance": "base"}, horizon="1d")
        expected = ranked_opportunities(lake, wanted)
    assert told["data"] == msgspec.json.decode(msgspec.json.encode(expected.to_dicts()))
    of_base = answered(service, "/opportunities/symbol/ETH", limit=100)
    assert {row["base"] for row in of_base["data"]} == {"ETH"}
    two = answered(service, "/opportunities/compare", venue1="binance", venue2="bybit")
    assert two["data"]
    assert all(row["first_symbol"] and row["second_symbol"] for row in two["data"])


def test_two_venues_are_compared_by_their_rates(service: Served) -> None:
    there = answered(service, "/funding-rates/compare", venue1="binance", venue2="okx", base="BTC")
    back = answered(service, "/funding-rates/compare", venue1="okx", venue2="binance", base="BTC")
    differences = [row["difference_8h"] for row in there["data"]]
    assert differences == [
        None if row["difference_8h"] is None else -row["difference_8h"] for row in back["data"]
    ]
    assert any(differences)


def test_features_are_known_at_an_instant_and_not_before(service: Served) -> None:
    known = answered(service, "/features/hyperliquid/BTC", at=f"{END:%Y-%m-%dT%H:%M}")["data"]
    assert datetime.fromisoformat(known["available_at"]) <= END
    problem = refused(service, "/features/hyperliquid/BTC", 404, at="2024-01-01")
    assert problem["errors"][0]["field"] == "at"


def test_a_prediction_comes_with_its_accuracy(service: Served) -> None:
    told = answered(service, "/predictions/funding-rate/hyperliquid/BTC")["data"]
    assert told["method"] == "venue"
    assert told["predicted_rate_8h"] == pytest.approx(told["predicted_rate"] * 8)
    assert {f"lead_{lead}h_mean_absolute_error_bps" for lead in (1, 4, 8)} <= told.keys()


def test_venues_are_told_by_both_names(service: Served) -> None:
    assert answered(service, "/venues")["data"] == answered(service, "/dexes")["data"]
    assert answered(service, "/venues/okx")["data"]["title"] == "OKX"
    listed = answered(service, "/venues/okx/symbols", status="delisted")
    assert [row["venue_symbol"] for row in listed["data"]] == ["BTC-OLD"]
    assert answered(service, "/fees", venue="okx")["data"][0]["taker_bps"] == 5.0


def test_backtests_are_told_with_their_reports(service: Served) -> None:
    (run,) = answered(service, "/backtests")["data"]
    assert answered(service, "/backtests/latest")["data"]["run_id"] == run["run_id"]
    page = service.get(f"{API}/backtests/{run['run_id']}/report")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert run["run_id"] in page.text
