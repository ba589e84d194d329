"""The live market in Dagster: what the sensor reports of a collector, and when it says it again."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import time_machine

from funding_platform.core.tables.live import LIVE_RATES
from funding_platform.defs.assets.live import (
    BOARD_KEY,
    FRESH,
    RATES_KEY,
    TOLD_AGAIN_AFTER,
    is_news,
    live_assets,
    live_checks,
    live_sensor,
)
from funding_platform.flows.checks.live import board_fresh, record_fresh
from funding_platform.flows.live.latest import VENUES, VENUES_SCHEMA, Latest, LatestWriter
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.dbt.market import frame_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)

WELL = ("okx", "stream", 0.4, 10.0, 300, 2, 1, None)


def venues(*rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=VENUES_SCHEMA, orient="row")


def latest(*rows: tuple[object, ...], at: datetime = NOW) -> Latest:
    return Latest(at, NOW, 1, {VENUES: venues(*rows)})


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (("grvt", "stream", 61.0, 0.0, 80, 0, 3, None), "grvt: silent for 61 s"),
        (("grvt", "stream", None, 0.0, 80, 0, 0, None), "grvt: nothing yet"),
        (("grvt", "rest", 3.0, 0.0, 80, 0, 3, "no connection"), "grvt: no connection"),
        (("grvt", "stream", 3.0, 0.0, 80, 5, 3, None), "grvt: 5 of 80 instruments stale"),
    ],
)
def test_one_venue_that_is_not_live_is_named(row: tuple[object, ...], why: str) -> None:
    answer = board_fresh(latest(WELL, row), NOW)
    assert (answer.passed, answer.verdict) == (False, f"1 of 2 venues are live; {why}")


def test_all_venues_live_is_fresh() -> None:
    answer = board_fresh(latest(WELL, ("grvt", "rest", 59.0, 1.5, 80, 4, 0, None)), NOW)
    assert answer.passed
    assert answer.figures == {
        "venues": 2,
        "live": 2,
        "instruments": 380,
        "stale": 6,
        "updates_per_second": 11.5,
        "reconnects": 1,
    }


def test_a_collector_that_stopped_is_not_fresh_whatever_it_said_last() -> None:
    answer = board_fresh(latest(WELL), NOW + 20 * SECOND)
    assert (answer.passed, answer.verdict) == (False, "the collector stopped, or hangs, 20 s ago")


def test_no_venue_at_all_is_not_fresh() -> None:
    assert not board_fresh(latest(), NOW).passed


@pytest.mark.parametrize(
    ("passed", "after", "news"),
    [
        (True, SECOND, False),
        (False, SECOND, True),
        (True, TOLD_AGAIN_AFTER, True),
        (True, -SECOND, True),
    ],
)
def test_what_changed_is_told_at_once_and_the_rest_now_and_then(
    passed: bool, after: timedelta, news: bool
) -> None:
    cursor = json.dumps({"at": NOW.isoformat(), "passed": [True, True]})
    assert is_news(cursor, [True, passed], NOW + after) is news
    assert is_news(None, [True, passed], NOW)


def test_the_sensor_turns_the_check_red_and_green_again(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    definitions = dg.Definitions(
        assets=live_assets(),
        asset_checks=[live_checks(data_dir=tmp_path)],
        sensors=[live_sensor(data_dir=tmp_path)],
    )
    cursor, seen = None, []
    with dg.DagsterInstance.ephemeral() as instance, LatestWriter(settings, NOW) as writer:
        for seconds, age in ((0, 0.5), (30, 0.7), (60, 90.0), (90, 0.4)):
            at = NOW + seconds * SECOND
            writer.write({VENUES: venues(("okx", "stream", age, 1.0, 9, 0, 0, None))}, 1, at)
            with time_machine.travel(at, tick=False):
                result = live_sensor(data_dir=tmp_path)(
                    dg.build_sensor_context(
                        instance=instance, cursor=cursor, definitions=definitions
                    )
                )
            if isinstance(result, dg.SensorResult):
                cursor = result.cursor
                checks = [
                    one for one in result.asset_events if isinstance(one, dg.AssetCheckEvaluation)
                ]
                seen.append((seconds, [one.passed for one in checks]))
                told = [one.asset_key for one in result.asset_events]
                assert told == [BOARD_KEY, BOARD_KEY, RATES_KEY, RATES_KEY]
                assert {one.check_name for one in checks} == {FRESH}
    assert seen == [
        (0, [True, False]),
        (60, [False, False]),
        (90, [True, False]),
    ]


def test_asked_by_a_person_the_checks_say_what_is_missing(tmp_path: Path) -> None:
    definitions = dg.Definitions(
        assets=live_assets(), asset_checks=[live_checks(data_dir=tmp_path)]
    )
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(instance=instance)
    told = {
        one.asset_key: (one.passed, str(one.description))
        for one in result.get_asset_check_evaluations()
    }
    assert {key: passed for key, (passed, _) in told.items()} == {
        BOARD_KEY: False,
        RATES_KEY: False,
    }
    assert "funding live" in told[BOARD_KEY][1]
    assert "no lake" in told[RATES_KEY][1]


@pytest.mark.parametrize(("seconds", "passed"), [(180, True), (181, False)])
def test_a_record_is_fresh_until_three_minutes_after_the_newest_began(
    tmp_path: Path, seconds: int, passed: bool
) -> None:
    settings = Settings(data_dir=tmp_path)
    with Lake(settings) as lake, lake.commit("run", "nothing of it") as transaction:
        transaction.append(LIVE_RATES, LIVE_RATES.empty())
    assert record_fresh(settings, NOW).verdict == "nothing has been recorded for a day"
    row = {
        "venue": "okx",
        "venue_symbol": "BTC-USDT-SWAP",
        "minute_time": NOW,
        "span_seconds": 60.0,
        "updates": 3,
        "staleness_seconds": 0.5,
        "available_at": NOW,
        "observed_at": NOW,
    }
    with Lake(settings) as lake, lake.commit("run", "a minute") as transaction:
        transaction.append(LIVE_RATES, frame_of(LIVE_RATES, [row]))
    answer = record_fresh(settings, NOW + seconds * SECOND)
    assert answer.passed is passed
    assert answer.figures == {"age": float(seconds), "rows_of_a_day": 1}


def test_switched_off_nothing_is_reported(tmp_path: Path) -> None:
    sensor = live_sensor(data_dir=tmp_path, live=False)
    with dg.DagsterInstance.ephemeral() as instance:
        result = sensor(dg.build_sensor_context(instance=instance))
    assert isinstance(result, dg.SkipReason)
    assert "FUNDING_LIVE=0" in str(result.skip_message)
