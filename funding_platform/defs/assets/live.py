"""The live market in Dagster: assets that a process beside the daemon keeps, and their freshness.

No run makes them. A sensor looks at what the collector hands out, and reports an observation and
the result of the check when either has changed, or ten minutes later: a report every half minute
would fill the event log with nothing.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dagster as dg

from funding_platform.core.errors import FundingError
from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.live import LIVE_RATES
from funding_platform.core.tables.schema import Table
from funding_platform.defs.presentation import (
    OWNERS,
    column_schema,
    definition_metadata,
    figure_metadata,
)
from funding_platform.flows.checks.answer import Answer
from funding_platform.flows.checks.live import board_fresh, record_fresh
from funding_platform.flows.live.latest import VENUES, read_latest
from funding_platform.settings import Settings

BOARD_KEY: Final = dg.AssetKey(["live", "board"])
RATES_KEY: Final = dg.AssetKey(["live", "rates"])
"""Of ``core.live_rates``, which the collector writes."""

FRESH: Final = "fresh"

TOLD_AGAIN_AFTER: Final = timedelta(minutes=10)

_BOARD: Final = (
    "The market as every venue's stream says it stands: predicted rate, next settlement, mark, "
    "index, open interest and best quotes of every perpetual, each with its age. Kept in memory by "
    "`funding live`, which runs beside the daemon; `funding live watch` shows it."
)


_CELLS: Final = Table(
    "live",
    "board",
    "The market of every instrument as it stands.",
    key=INSTRUMENT_KEY,
    columns=tuple(
        column
        for column in MARKET_SNAPSHOTS.columns
        if column.name not in ("snapshot_hour", "latency_ms")
    ),
)
"""What the board shows of an instrument: a snapshot of no hour."""


def live_assets() -> list[dg.AssetSpec]:
    """Declare what the collector keeps; no run materialises it."""
    return [
        dg.AssetSpec(
            BOARD_KEY,
            description=_BOARD,
            group_name="live",
            owners=OWNERS,
            kinds={"websocket"},
            metadata={"dagster/column_schema": column_schema(_CELLS)},
        ),
        dg.AssetSpec(
            RATES_KEY,
            deps=[BOARD_KEY],
            description=f"{LIVE_RATES.description} Table `{LIVE_RATES.full_name}`, written once a "
            "minute by the collector.",
            group_name="live",
            owners=OWNERS,
            kinds={"duckdb"},
            metadata=definition_metadata(LIVE_RATES),
        ),
    ]


def live_checks(**stated: Any) -> dg.AssetChecksDefinition:
    """Make the checks; the sensor reports their results, and a person may ask them at any time.

    Parameters
    ----------
    stated
        Settings that are not those of the environment.
    """

    @dg.multi_asset_check(
        name="live_checks",
        specs=[
            dg.AssetCheckSpec(
                FRESH,
                asset=BOARD_KEY,
                description="The collector runs, and every venue has spoken within a minute.",
            ),
            dg.AssetCheckSpec(
                FRESH,
                asset=RATES_KEY,
                description="The newest minute was recorded when it ended, or soon after.",
            ),
        ],
    )
    def live_checks() -> Iterator[dg.AssetCheckResult]:
        for key, answer in _answers(Settings(**stated), datetime.now(UTC)).items():
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=FRESH,
                passed=answer.passed,
                description=answer.verdict,
                metadata=_shown(answer),
            )

    return live_checks


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
        answers = _answers(settings, now)
        passed = [answer.passed for answer in answers.values()]
        verdicts = "; ".join(answer.verdict for answer in answers.values())
        if not is_news(context.cursor, passed, now):
            return dg.SkipReason(verdicts)
        return dg.SensorResult(
            asset_events=[
                event for key, answer in answers.items() for event in events_of(key, answer)
            ],
            cursor=json.dumps({"at": now.isoformat(), "passed": passed}),
            skip_reason=verdicts,
        )

    return live_board


def is_news(cursor: str | None, passed: Sequence[bool], now: datetime) -> bool:
    """Tell whether answers are to be reported: other ones than before, or a while after them."""
    if cursor is None:
        return True
    told = json.loads(cursor)
    since = now - datetime.fromisoformat(told["at"])
    lately = timedelta(0) <= since < TOLD_AGAIN_AFTER
    return not lately or told["passed"] != [*passed]


def events_of(
    key: dg.AssetKey, answer: Answer
) -> Sequence[dg.AssetObservation | dg.AssetCheckEvaluation]:
    """Write what is reported of an answer."""
    metadata = _shown(answer)
    return [
        dg.AssetObservation(key, metadata=metadata),
        dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=FRESH,
            passed=answer.passed,
            metadata=metadata,
            description=answer.verdict,
        ),
    ]


def _shown(answer: Answer) -> dict[str, Any]:
    return {"verdict": answer.verdict, **figure_metadata(answer.figures)}


def _answers(settings: Settings, now: datetime) -> dict[dg.AssetKey, Answer]:
    """Judge the board and its record; what cannot be read is not fresh."""

    def judged(judge: Callable[[], Answer]) -> Answer:
        try:
            return judge()
        except FundingError as error:  # no collector, no lake, or one that is locked
            return Answer(False, str(error))

    return {
        BOARD_KEY: judged(lambda: board_fresh(read_latest(settings, VENUES), now)),
        RATES_KEY: judged(lambda: record_fresh(settings, now)),
    }
