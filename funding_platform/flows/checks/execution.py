"""Does what was traded add up? Asked of the mirror in the lake; one function per question."""

from typing import Final

import numpy as np
import polars as pl
from duckdb import DuckDBPyConnection

from funding_platform.backtest.results.edge_decay import TRADES_IN_WINDOW, edge_decay
from funding_platform.core.tables.execution import FILLS, FUNDING_PAYMENTS, ORDERS, POSITIONS
from funding_platform.flows.checks.answer import Answer, one_row
from funding_platform.flows.checks.backtests import closed_returns

MAX_ERROR_USD: Final = 1e-6
"""What rounding to a float may leave of sums of decimals."""

MOST_SHOWN: Final = 5

_SETTLED: Final = "('open', 'closed', 'aborted')"
"""States in which nothing is under way."""

_UNEQUAL: Final = f"""
SELECT pair_id FROM {POSITIONS.full_name}
WHERE state IN {_SETTLED} AND abs(net_base) > lot_base ORDER BY pair_id
"""
_HELD_AFTER_ALL: Final = f"""
SELECT pair_id FROM {POSITIONS.full_name}
WHERE state IN ('closed', 'aborted') AND (long_base > lot_base OR -short_base > lot_base)
ORDER BY pair_id
"""
_BOOKS: Final = f"""
WITH traded AS (
    SELECT pair_id, sum(if(side = 'buy', -1, 1) * quantity_base * price) AS cash,
        sum(fee_usd) AS fees
    FROM {FILLS.full_name} GROUP BY pair_id
), paid AS (
    SELECT pair_id, sum(amount_usd) AS funding FROM {FUNDING_PAYMENTS.full_name} GROUP BY pair_id
)
SELECT pair_id, if(pnl_usd IS NULL, NULL, greatest(
    abs(pnl_usd - (trading_usd - fees_usd + funding_usd)),
    abs(fees_usd - coalesce(fees, 0)),
    abs(funding_usd - coalesce(funding, 0)),
    if(state IN ('closed', 'aborted'), abs(trading_usd - coalesce(cash, 0)), 0)
)) AS error
FROM {POSITIONS.full_name}
LEFT JOIN traded USING (pair_id) LEFT JOIN paid USING (pair_id)
ORDER BY error DESC NULLS FIRST, pair_id
"""
_ORPHANS: Final = f"""
SELECT
    (SELECT count(*) FROM {ORDERS.full_name} JOIN {POSITIONS.full_name} AS p USING (pair_id)
        WHERE p.state IN ('closed', 'aborted', 'refused')
        AND {ORDERS.full_name}.state IN ('open', 'unknown')),
    (SELECT count(*) FROM {ORDERS.full_name} ANTI JOIN {POSITIONS.full_name} USING (pair_id)),
    (SELECT count(*) FROM {FILLS.full_name} WHERE pair_id IS NULL)
"""
_RETURNS: Final = f"""
SELECT pnl_usd / (2 * notional_usd) AS net_return FROM {POSITIONS.full_name}
WHERE state = 'closed' AND notional_usd > 0 ORDER BY closed_at, pair_id
"""
_NEWEST_RUN: Final = """
SELECT run_id FROM backtest.runs WHERE sweep_id IS NULL
ORDER BY started_at DESC, run_id DESC LIMIT 1
"""


def net_exposure_zero(lake: DuckDBPyConnection) -> Answer:
    """Do both legs of every pair that is at rest hold alike, within a lot, or nothing?"""
    unequal = [name for (name,) in lake.execute(_UNEQUAL).fetchall()]
    left = [name for (name,) in lake.execute(_HELD_AFTER_ALL).fetchall()]
    (pairs,) = one_row(lake, f"SELECT count(*) FROM {POSITIONS.full_name}")
    bad = [*unequal, *left]
    return Answer(
        not bad,
        f"{len(bad)} of {pairs} pairs hold more on one leg: {', '.join(bad[:MOST_SHOWN])}"
        if bad
        else f"{pairs} pairs, none holds more on one leg than on the other",
        {"pairs": pairs, "unequal": len(unequal), "held after they were over": len(left)},
    )


def pnl_identity(lake: DuckDBPyConnection) -> Answer:
    """Is profit trading less fees plus funding, and each of them the sum of fills and payments?

    A pair whose profit is unknown fails: what is held has a last price always.
    """
    errors = lake.execute(_BOOKS).pl()
    broken = errors.filter(pl.col("error").fill_null(np.inf) > MAX_ERROR_USD)
    named = ", ".join(broken["pair_id"].head(MOST_SHOWN))
    return Answer(
        broken.is_empty(),
        f"{broken.height} of {errors.height} pairs do not add up: {named}"
        if named
        else f"{errors.height} pairs add up",
        {"pairs": errors.height, "largest error": errors["error"].max()},
    )


def no_orphan_orders(lake: DuckDBPyConnection) -> Answer:
    """Is every order of a pair that may still want it, and every fill of some pair?"""
    late, unknown, fills = one_row(lake, _ORPHANS)
    return Answer(
        late + unknown + fills == 0,
        f"{late} orders outlive their pair, {unknown} belong to none, {fills} fills belong to none",
        {"outlive their pair": late, "of no pair": unknown, "fills of no pair": fills},
    )


def traded_edge_holds(lake: DuckDBPyConnection) -> Answer:
    """Do the last pairs that were closed earn as the trades of the newest backtest did?

    Fails where the Sharpe ratio of the last 30 of them, per trade and on the notional of both legs,
    lies below all but 5 % of the windows of 30 trades of that run. Too few are no failure.
    """
    newest = lake.execute(_NEWEST_RUN).fetchone()
    if newest is None:
        return Answer(True, "no backtest is stored that it could be held against")
    traded = lake.execute(_RETURNS).pl()["net_return"].cast(pl.Float64).to_numpy()
    decay = edge_decay(traded, closed_returns(lake, newest[0]))
    return Answer(
        decay.verdict != "decayed",
        f"{decay.verdict}: {decay.live_trades} pairs closed",
        {
            "run": newest[0],
            "pairs closed": decay.live_trades,
            "trades in a window": TRADES_IN_WINDOW,
            "Sharpe of the newest window": decay.live_sharpe,
            "Sharpe of the run's median window": decay.backtest_sharpe,
            "alert below": decay.alert_below,
        },
    )
