"""The live market in Dagster: assets that a process beside the daemon keeps, and their freshness.

No run makes them. A sensor looks at what the collector hands out, and reports an observation and
the result of the check when either has changed, or ten minutes later: a report every half minute
would fill the event log with nothing.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dagster as dg

from funding_platform.defs.presentation import OWNERS
from funding_platform.flows.checks.answer import Answer
from funding_platform.flows.checks.live import board_fresh
from funding_platform.flows.errors import NotLiveError
from funding_platform.flows.live.latest import read_latest
from funding_platform.settings import Settings

BOARD_KEY: Final = dg.AssetKey(["live", "board"])
FRESH: Final = "fresh"

TOLD_AGAIN_AFTER: Final = timedelta(minutes=10)

_BOARD: Final = (
    "The market as every venue's stream says it stands: predicted rate, next settlement, mark, "
    "index, open interest and best quotes of every perpetual, each with its age. Kept in memory by "
    "`funding live`, which runs beside the daemon; `funding live watch` shows it."
)


def live_assets() -> list[dg.AssetSpec]:
    """Declare what the collector keeps; no run materialises it."""
    return [
        dg.AssetSpec(
            BOARD_KEY, description=_BOARD, group_name="live", owners=OWNERS, kinds={"websocket"}
        )
    ]


def live_check(**stated: Any) -> dg.AssetChecksDefinition:
    """Make the check; the sensor reports its results, and a person may ask it at any time.

    Parameters
    ----------
    stated
        Settings that are not those of the environment.
    """

    @dg.asset_check(
        asset=BOARD_KEY,
        name=FRESH,
        description="The collector runs, and every venue has spoken within a minute.",
    )
    def board_is_fresh() -> dg.AssetCheckResult:
        answer = _answer(Settings(**stated), datetime.now(UTC))
        return dg.AssetCheckResult(
            passed=answer.passed, description=answer.verdict, metadata=_shown(answer)
        )

    return board_is_fresh


def live_sensor(**stated: Any) -> dg.SensorDefinition:
    """Make the sensor that reports on the collector.

    Parameters
    ----------
    stated
        Settings that are not those of the environment.
    """

    @dg.sensor(
        name="live_board",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reports how the live collector is: at once when that changes, else every ten "
        "minutes.",
    )
    def live_board(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        settings, now = Settings(**stated), datetime.now(UTC)
        if not settings.live:
            return dg.SkipReason("the live collector is switched off: FUNDING_LIVE=0")
        answer = _answer(settings, now)
        if not is_news(context.cursor, answer, now):
            return dg.SkipReason(answer.verdict)
        return dg.SensorResult(
            asset_events=events_of(answer),
            cursor=json.dumps({"at": now.isoformat(), "passed": answer.passed}),
            skip_reason=answer.verdict,
        )

    return live_board


def is_news(cursor: str | None, answer: Answer, now: datetime) -> bool:
    """Tell whether an answer is to be reported: another one than before, or a while after it."""
    if cursor is None:
        return True
    told = json.loads(cursor)
    since = now - datetime.fromisoformat(told["at"])
    lately = timedelta(0) <= since < TOLD_AGAIN_AFTER
    return not lately or told["passed"] is not answer.passed


def events_of(answer: Answer) -> Sequence[dg.AssetObservation | dg.AssetCheckEvaluation]:
    """Write what is reported of an answer."""
    metadata = _shown(answer)
    return [
        dg.AssetObservation(BOARD_KEY, metadata=metadata),
        dg.AssetCheckEvaluation(
            asset_key=BOARD_KEY,
            check_name=FRESH,
            passed=answer.passed,
            metadata=metadata,
            description=answer.verdict,
        ),
    ]


def _shown(answer: Answer) -> dict[str, Any]:
    return {"verdict": answer.verdict, **answer.figures}


def _answer(settings: Settings, now: datetime) -> Answer:
    try:
        return board_fresh(read_latest(settings), now)
    except NotLiveError as error:
        return Answer(False, str(error))
