"""What fails is refilled by REST, and fails alone."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from funding_platform.sandbox.faults import Connection as Broken
from funding_platform.sandbox.faults import FieldFault, Status, Stream
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.venues.parsing.records import Listing
from funding_platform_tests.live.supervisor.supervised import (
    DATA,
    LinearBybit,
    steady,
    streaming,
    supervised,
)
from funding_platform_tests.venues.streams.plain import TICKERS

pytestmark = pytest.mark.anyio


async def test_the_board_fills_from_streams_and_from_rest(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    async with steady(sandbox, tmp_path) as live:
        await live.until(lambda live: live.counts("drift").refills > 0)
        notes = live.notes
        assert notes.listed.keys() == {"bybit", "drift"}
        for venue in ("bybit", "drift"):
            said = {u.venue_symbol for u in notes.updates[venue]}
            assert said
            assert said <= notes.listed[venue]
        health = live.supervisor.health()["bybit"]
        assert health.messages_per_second > 0
        assert health.updates_per_second > 0
        assert health.age_seconds is not None
        assert live.supervisor.health()["drift"].connections == 0
        assert notes.gaps == []


async def test_a_venue_without_a_stream_is_polled(sandbox: RunningSandbox, tmp_path: Path) -> None:
    async with supervised(sandbox, tmp_path, ["drift"]) as live:
        await live.until(lambda live: live.counts("drift").refills == 3)
        assert live.counts("drift").messages == 0


async def test_a_cut_is_marked_and_refilled_and_nobody_else_is_concerned(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    async with steady(sandbox, tmp_path) as live:
        sandbox.inject(Broken(action="reset", venue="bybit", path=DATA, count=1))
        await live.until(lambda live: live.counts("bybit").gaps == 1)
        refills = live.counts("bybit").refills
        await live.until(
            lambda live: (
                live.counts("bybit").connects == 2 and live.counts("bybit").refills > refills
            )
        )
        assert {venue for venue, _ in live.notes.gaps} == {"bybit"}
        assert live.notes.untils == {TICKERS.values[0]}
        assert live.counts("drift").gaps == live.counts("drift").failed_refills == 0


async def test_rest_takes_over_for_as_long_as_a_channel_is_stale(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    async with steady(sandbox, tmp_path) as live:
        sandbox.inject(Stream(action="stale", venue="bybit", path=DATA))
        await live.until(lambda live: live.counts("bybit").gaps == 1)
        refills, seen = live.counts("bybit").refills, len(live.notes.updates["bybit"])
        await live.until(lambda live: live.counts("bybit").refills >= refills + 3)
        filled = live.notes.updates["bybit"][seen:]
        assert filled
        assert all(isinstance(update.predicted_rate, float) for update in filled)
        sandbox.clear()
        await live.until(lambda live: live.counts("bybit").connects == 2)


async def test_a_broken_contract_stops_the_stream_and_not_the_venue(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    sandbox.inject(FieldFault(action="rename", field="fundingRate", venue="bybit", path=DATA))
    async with supervised(sandbox, tmp_path) as live:
        await live.until(lambda live: live.counts("bybit").given_up > 0)
        assert "no fundingRate" in live.counts("bybit").last_failure
        refills = live.counts("bybit").refills
        await live.until(lambda live: live.counts("bybit").refills > refills)
        sandbox.clear()
        await live.until(streaming)


async def test_rest_that_fails_leaves_the_stream_alone(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    async with steady(sandbox, tmp_path, venues=["bybit"], lacking=5.0) as live:
        sandbox.inject(Status(venue="bybit", path="/v5/market/tickers", status=403, count=1))
        await live.until(lambda live: live.counts("bybit").failed_refills == 1)
        messages = live.counts("bybit").messages
        await live.until(lambda live: live.counts("bybit").messages > messages + 10)
        assert live.notes.gaps == []


async def test_what_streams_lack_is_asked_for_now_and_then(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    """The small stream has rates and marks only; open interest comes by REST."""
    async with steady(sandbox, tmp_path, venues=["bybit"], lacking=5.0) as live:
        refills, seen = live.counts("bybit").refills, len(live.notes.updates["bybit"])
        await live.until(lambda live: live.counts("bybit").refills >= refills + 2)
        rows = live.notes.updates["bybit"][seen:]
        by_rest = [row for row in rows if isinstance(row.open_interest_base, float)]
        streamed = {
            row.venue_symbol for row in rows if not isinstance(row.open_interest_base, float)
        }
        assert by_rest
        assert all(
            not isinstance(row.predicted_rate, float)
            for row in by_rest
            if row.venue_symbol in streamed
        )


async def test_a_refused_subscription_is_made_up_for_by_rest(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    sandbox.inject(Stream(action="refuse", venue="bybit", path=DATA, count=1))
    async with steady(sandbox, tmp_path, venues=["bybit"], lacking=5.0) as live:
        assert live.counts("bybit").refusals == 1
        refills = live.counts("bybit").refills
        await live.until(lambda live: live.counts("bybit").refills >= refills + 3)
        by_rest = {
            row.venue_symbol
            for row in live.notes.updates["bybit"]
            if isinstance(row.open_interest_base, float) and isinstance(row.predicted_rate, float)
        }
        assert by_rest


async def test_a_failure_of_ours_costs_one_venue_only(
    sandbox: RunningSandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def unmade(listings: Iterable[Listing]) -> LinearBybit:
        raise ZeroDivisionError("in the making")

    async with supervised(sandbox, tmp_path, stream=unmade) as live:
        await live.until(
            lambda live: live.counts("bybit").restarts > 0 and live.counts("drift").refills > 1
        )
        assert "ZeroDivisionError" in caplog.text
        assert ("bybit", "the feed failed") in live.notes.gaps
