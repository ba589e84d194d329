"""Stored backtests: their figures, and their reports.

What reads and draws them is imported when it is first asked for: it brings compiled strategies and
charts, a hundred MB that the rest of the service does without.
"""

from functools import partial
from typing import Annotated, Final

import polars as pl
from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from funding_platform.core.tables.backtests.runs import RUNS
from funding_platform.service.documented import answers, tells
from funding_platform.service.formats import Answer
from funding_platform.service.market import newest
from funding_platform.service.parameters import Asked, Name
from funding_platform.service.reader import Sources
from funding_platform.service.routes.common import desk_of

router = APIRouter(tags=["backtests"])

RunId = Annotated[
    Name,
    Path(description="Id of a run, a beginning that no other has, or latest.", examples=["latest"]),
]

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
"""A report has all that it shows in itself, and runs nothing."""


class RunsAsked(Asked):
    """Which backtests."""

    trials: bool = Field(default=False, description="With trials of sweeps and walk-forwards.")
    limit: int = Field(default=100, ge=1, le=10_000, description="Rows at most.")


@router.get("/backtests", summary="Backtests", **answers(RUNS.columns, "The newest first."))
async def backtests(request: Request, asked: Annotated[RunsAsked, Query()]) -> Response:
    """List stored backtests with their figures."""

    def listed(sources: Sources) -> Answer:
        from funding_platform.flows.queries.trading.runs import stored_runs

        found = stored_runs(sources.lake, trials=asked.trials).head(asked.limit)
        return Answer(found, newest(found, "finished_at"))

    return await desk_of(request).answer(request, listed)


@router.get("/backtests/{run_id}", summary="A backtest", **answers(RUNS.columns, single=True))
async def backtest(request: Request, run_id: RunId, asked: Annotated[Asked, Query()]) -> Response:
    """Tell what a backtest achieved, with the configuration to run it again."""

    def told(sources: Sources) -> Answer:
        from funding_platform.flows.queries.trading.runs import run_row

        row = pl.DataFrame([run_row(sources.lake, run_id)], schema=RUNS.polars_schema)
        return Answer(row, newest(row, "finished_at"), single=True)

    return await desk_of(request).answer(request, told)


def _report(run_id: str, sources: Sources) -> str:
    from funding_platform.backtest.results.report import html_report
    from funding_platform.flows.backtests.reports import report_input
    from funding_platform.flows.queries.trading.runs import load_run

    run = load_run(sources.lake, run_id)
    return html_report(report_input(sources.settings, run))


@router.get(
    "/backtests/{run_id}/report",
    summary="The report of a backtest",
    **tells({"type": "string"}, "One page that loads nothing from elsewhere.", "text/html"),
)
async def report(request: Request, run_id: RunId, asked: Annotated[Asked, Query()]) -> Response:
    """Draw the report of a backtest: figures, charts, costs, stress."""
    page = await desk_of(request).readers.ask(partial(_report, run_id))
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": _POLICY}
    return Response(page, media_type="text/html", headers=headers)
