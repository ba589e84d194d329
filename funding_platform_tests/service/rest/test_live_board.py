"""What the live board says stands for the lake's, for as long as it is fresh."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from funding_platform.arbitrage import OpportunityFilter
from funding_platform.flows.live.latest import PAIRS, STALE_AFTER, STRIPS
from funding_platform.flows.queries import (
    latest_curves,
    open_lake,
    ranked_opportunities,
)
from funding_platform.settings import Settings
from funding_platform_tests.service.rest.asking import answered, refused
from funding_platform_tests.service.server import (
    hand_out,
    hand_out_frame,
    lasting,
    served,
)
from funding_platform_tests.waiting import until


def test_rates_of_the_board_are_taken_while_it_is_fresh(own_lake: Settings) -> None:
    hand_out(own_lake, 8e-4, at=lasting())
    with served(own_lake) as service:
        told = answered(service, "/funding-rates")
        assert told["source"] == "live"
        assert told["data_age_seconds"] <= STALE_AFTER.total_seconds()
        rates = {row["venue"]: row for row in told["data"]}
        assert rates["hyperliquid"]["predicted_rate_8h"] == pytest.approx(8e-4)
        assert rates["hyperliquid"]["open_interest_usd"] is None
        assert rates["binance"]["settled_rate"] is not None  # the lake's, beside it
        assert answered(service, "/funding-rates", source="lake")["source"] == "lake"
        one = answered(service, "/funding-rates/hyperliquid/BTC", include_metadata=True)["data"]
        assert (one["status"], one["predicted_rate"]) == ("trading", 1e-4)
        health = answered(service, "/health")
        assert {row["live_source"] for row in health["data"]} == {"stream", None}
        hand_out(own_lake, 8e-4, at=datetime.now(UTC) - 2 * STALE_AFTER)
        refused(service, "/curves/BTC", 503, source="live")
        until(lambda: answered(service, "/funding-rates")["source"] == "lake", "the board is stale")


def test_pairs_of_the_board_pass_the_same_filter(own_lake: Settings) -> None:
    wanted = OpportunityFilter(limit=100_000)
    with open_lake(own_lake) as lake:
        pairs = ranked_opportunities(lake, wanted)
    hand_out_frame(own_lake, PAIRS, pairs)
    with served(own_lake) as service:
        query = {"bases": ["BTC", "ETH"], "min_net_apr": -2, "limit": 7, "fee_mode": "maker"}
        live = answered(service, "/opportunities", **query)
        stored = answered(service, "/opportunities", source="lake", **query)
        assert (live["source"], stored["source"]) == ("live", "lake")
        assert live["data"] == stored["data"]
        assert live["rows"] == 7
        assert (
            answered(service, "/opportunities/best")["data"]
            == answered(service, "/opportunities/best", source="lake")["data"]
        )


def test_curves_of_the_board_stand_for_those_that_have_moved(own_lake: Settings) -> None:
    with open_lake(own_lake) as lake:
        stored = latest_curves(lake, "BTC")
    later = stored.head(2).with_columns(
        kind=pl.lit("live"), as_of=pl.col("as_of") + timedelta(hours=4), b0=pl.lit(9.0)
    )
    hand_out_frame(own_lake, STRIPS, later)
    with served(own_lake) as service:
        told = answered(service, "/curves/BTC")
        assert (told["source"], told["rows"]) == ("live", stored.height)
        assert [row["venue"] for row in told["data"] if row["b0"] == 9.0] == [*later["venue"]]
        long_after = later.with_columns(as_of=pl.col("as_of") + timedelta(days=300))
        hand_out_frame(own_lake, STRIPS, long_after)
        until(lambda: answered(service, "/curves/BTC")["rows"] == 2, "the others are long ago")
        assert {row["b0"] for row in answered(service, "/curves/BTC")["data"]} == {9.0}
        hand_out_frame(own_lake, STRIPS, later.with_columns(venue_symbol=pl.lit("ELSE")))
        until(lambda: answered(service, "/curves/BTC")["source"] == "lake", "it is of no curve")
        assert answered(service, "/curves/BTC")["rows"] == stored.height
