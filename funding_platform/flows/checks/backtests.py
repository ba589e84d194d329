"""Do stored backtests add up, and does what they promised still hold? One function per question.

What was traded is held against a run in ``checks.execution``. Here out-of-sample trades stand for
live ones: those that the newest run of a configuration opened after the window of its first run had
ended, on data that nobody had seen when the first was run. Positions that were closed because a
window ended say nothing and do not count.
"""

from datetime import datetime
from typing import Final

import numpy as np
import polars as pl
from duckdb import DuckDBPyConnection

from funding_platform.backtest.books import EXIT_REASONS, RUN_ENDED
from funding_platform.backtest.results.edge_decay import TRADES_IN_WINDOW, edge_decay
from funding_platform.core.arrays import Floats
from funding_platform.core.tables.backtests.ledgers import (
    COMPONENTS,
    COSTS,
    EARNINGS,
    MAX_IDENTITY_ERROR,
)
from funding_platform.core.time_grid import EPOCH
from funding_platform.flows.checks.answer import Answer

MOST_SHOWN: Final = 5

_NET: Final = f"{' + '.join(EARNINGS)} - {' - '.join(COSTS)}"
_SUMS: Final = ", ".join(f"sum({name}) AS {name}" for name in COMPONENTS)
_GAP: Final = ", ".join(f"abs(t.{name} - coalesce(l.{name}, 0))" for name in COMPONENTS)
_ERRORS: Final = f"""
WITH of_equity AS (
    SELECT run_id, max(abs(equity - capital_usd - net)) AS gap
    FROM (SELECT run_id, equity, {_NET} AS net FROM backtest.equity)
    JOIN backtest.runs USING (run_id)
    GROUP BY run_id
), of_books AS (
    SELECT t.run_id, greatest({_GAP}) AS gap
    FROM (
        SELECT run_id, {_SUMS} FROM backtest.trades
        GROUP BY run_id HAVING bool_and(closed_at IS NOT NULL)
    ) AS t
    LEFT JOIN (SELECT run_id, {_SUMS} FROM backtest.ledger GROUP BY run_id) AS l USING (run_id)
)
SELECT r.run_id,
    if(e.gap IS NULL, NULL, greatest(e.gap, coalesce(b.gap, 0)) / r.capital_usd) AS error
FROM backtest.runs AS r
LEFT JOIN of_equity AS e USING (run_id) LEFT JOIN of_books AS b USING (run_id)
WHERE r.whole
ORDER BY error DESC NULLS FIRST, run_id
"""
_NEWEST_AND_FIRST: Final = """
WITH newest AS (
    SELECT * FROM backtest.runs WHERE sweep_id IS NULL ORDER BY started_at DESC, run_id DESC LIMIT 1
)
SELECT newest.run_id, first.run_id, first.window_end
FROM newest JOIN backtest.runs AS first USING (config_digest)
WHERE first.sweep_id IS NULL
ORDER BY first.started_at, first.run_id LIMIT 1
"""
_RETURNS: Final = f"""
SELECT sum({_NET}) / sum(notional_usd) AS net_return
FROM backtest.trades WHERE run_id = ?
GROUP BY position_id
HAVING bool_and(closed_at IS NOT NULL AND exit_reason <> ?) AND min(opened_at) >= ?
ORDER BY max(closed_at), position_id
"""


def identity_holds(lake: DuckDBPyConnection) -> Answer:
    """Is every stored run's equity its capital plus funding and price less all costs?

    At each of its rows; and where all legs are closed, what the ledger books adds up to what the
    trades say, component by component. A run whose equity is gone has none, and fails.
    """
    errors = lake.execute(_ERRORS).pl()
    broken = errors.filter(pl.col("error").fill_null(np.inf) > MAX_IDENTITY_ERROR)
    named = ", ".join(broken["run_id"].head(MOST_SHOWN))
    return Answer(
        broken.is_empty(),
        f"{broken.height} of {errors.height} runs do not add up: {named}"
        if named
        else f"{errors.height} runs add up",
        {"runs": errors.height, "largest error": errors["error"].max()},
    )


def edge_holds(lake: DuckDBPyConnection) -> Answer:
    """Are the last out-of-sample trades of the newest configuration as its first run promised?

    Fails where the Sharpe ratio of the last 30 of them, per trade and on their notional, lies below
    all but 5 % of the windows of 30 trades of the first run. Too few trades are no failure.
    """
    found = lake.execute(_NEWEST_AND_FIRST).fetchone()
    if found is None:
        return Answer(True, "no run is stored")
    newest, first, ended = found
    later = closed_returns(lake, newest, ended) if newest != first else np.empty(0)
    decay = edge_decay(later, closed_returns(lake, first))
    figures = {
        "run": newest,
        "first run": first,
        "out-of-sample trades": decay.live_trades,
        "trades in a window": TRADES_IN_WINDOW,
        "Sharpe of the newest window": decay.live_sharpe,
        "Sharpe of the first run's median window": decay.backtest_sharpe,
        "alert below": decay.alert_below,
    }
    verdict = decay.verdict.replace("live", "out-of-sample")
    return Answer(
        decay.verdict != "decayed",
        f"{verdict}: {decay.live_trades} out-of-sample trades since {ended:%Y-%m-%d %H:%M}",
        figures,
    )


def closed_returns(lake: DuckDBPyConnection, run_id: str, since: datetime | None = None) -> Floats:
    """Read the net return of each closed position on its legs' notional, in order of closing.

    Positions that were closed because the window ended are left out.
    """
    parameters = [run_id, EXIT_REASONS[RUN_ENDED], since or EPOCH]
    return lake.execute(_RETURNS, parameters).pl()["net_return"].cast(pl.Float64).to_numpy()
