"""The process that a Dagster run starts, which trades and tells the run how it goes.

``python -m funding_platform.local.piped_trading``: Dagster Pipes hand it what it needs through
the environment. Steps are logged, and what came of them are the metadata of two assets.
"""

import asyncio
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any, Final

import click
from dagster_pipes import PipesContext, PipesMetadataValue, open_dagster_pipes

from funding_platform.core.plain_text import markdown
from funding_platform.core.tables.execution import PERFORMANCE, POSITIONS
from funding_platform.execution.cycle.trader import CycleReport
from funding_platform.flows.execution.mirror import mirror
from funding_platform.flows.execution.running import trade_async, trading_config
from funding_platform.lake import connect
from funding_platform.settings import Settings
from funding_platform.views.pictures import equity_picture

PREVIEW_ROWS: Final = 10
_LONGEST_HISTORY: Final = 2_000


@click.command()
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--cycles", type=click.IntRange(min=1))
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True))
@click.option("--patience-minutes", type=click.FloatRange(min=0), default=0.0)
def main(
    config: Path | None, cycles: int | None, minutes: float | None, patience_minutes: float
) -> None:
    """Trade, mirror, and report; ends with status 1 where it cannot trade."""
    settings = Settings()
    with open_dagster_pipes() as pipes:
        trading = trading_config(settings, config)
        pipes.log.info(f"{trading.name}: {trading.strategy.name} on {', '.join(trading.venues)}")
        asyncio.run(
            trade_async(
                settings,
                trading,
                cycles=cycles,
                seconds=None if minutes is None else 60 * minutes,
                patience_seconds=60 * patience_minutes,
                told=lambda report: _log(pipes, report),
            )
        )
        written = mirror(settings, pipes.run_id)
        pipes.log.info(f"mirrored: {written}")
        _report(pipes, settings, written)


def _log(pipes: PipesContext, report: CycleReport) -> None:
    """Tell of one cycle, and of each thing that it did or would not do."""
    cycle, earned = report.content["cycle"], report.content["since_start"]
    pipes.log.info(
        f"cycle {cycle['number']}: {report.opened} opened, {report.closed} closed, "
        f"{len(report.pairs)} held, P&L {earned['pnl_usd']} USD, {report.seconds:.2f} s"
    )
    for result in report.results:
        pipes.log.info(f"{result.pair_id} is {result.state} {'; '.join(result.reasons)}")
    for refused in cycle["refused"]:
        pipes.log.info(f"refused: {refused}")


def _report(pipes: PipesContext, settings: Settings, written: dict[str, int]) -> None:
    """Hand the metadata of both assets over."""
    with connect(settings) as lake:
        held = lake.execute(
            f"SELECT pair_id, state, base, long_venue, short_venue, notional_usd, funding_usd, "
            f"fees_usd, pnl_usd FROM {POSITIONS.full_name} "
            f"ORDER BY decided_at DESC LIMIT {PREVIEW_ROWS}"
        ).pl()
        course = lake.execute(
            f"FROM {PERFORMANCE.full_name} ORDER BY taken_at DESC LIMIT {_LONGEST_HISTORY}"
        ).pl()
        (total,) = lake.execute(f"SELECT count(*) FROM {POSITIONS.full_name}").fetchone() or (0,)
        (shots,) = lake.execute(f"SELECT count(*) FROM {PERFORMANCE.full_name}").fetchone() or (0,)
    rows = "\n".join(f"| {name} | {count:,} |" for name, count in written.items())
    pipes.report_asset_materialization(
        asset_key=f"{POSITIONS.schema}/{POSITIONS.name}",
        metadata={
            "dagster/row_count": _typed(total, "int"),
            "preview": _typed(_table(held), "md"),
            "rows written": _typed(f"| table | rows |\n|---|---:|\n{rows}", "md"),
        },
    )
    newest: dict[str, Any] = course.row(0, named=True) if course.height else {}
    figures = ("pairs", "equity_usd", "pnl_usd", "trading_usd", "fees_usd", "funding_usd")
    picture = b64encode(equity_picture(course.sort("taken_at"))).decode()
    pipes.report_asset_materialization(
        asset_key=f"{PERFORMANCE.schema}/{PERFORMANCE.name}",
        metadata={
            "dagster/row_count": _typed(shots, "int"),
            "equity": _typed(f"![profit since the start](data:image/png;base64,{picture})", "md"),
            **{
                name: _typed(float(newest[name]), "float")
                for name in figures
                if newest.get(name) is not None
            },
        },
    )


def _typed(value: Any, kind: str) -> PipesMetadataValue:
    return {"raw_value": value, "type": kind}  # type: ignore[typeddict-item]  # one of its words


def _table(frame: Any) -> str:
    """Write a frame as Markdown."""
    lines = [frame.columns, ["---"] * frame.width, *frame.iter_rows()]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.4f}"
    text = "" if value is None else str(value)
    return text if text == "---" else markdown(text)


if __name__ == "__main__":
    sys.exit(main())
