"""Stored backtests and sweeps: their rows, and a whole run frame by frame."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.core.tables.backtests.ledgers import FRAMES
from funding_platform.core.tables.backtests.runs import RUNS, SWEEPS
from funding_platform.core.tables.schema import Table
from funding_platform.flows.errors import UnknownRunError
from funding_platform.flows.queries.connection import answer
from funding_platform.lake.connection import has_table

LATEST: Final = "latest"
"""Stands for the id of the run that began last."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run with its row of ``backtest.runs``; a trial of a sweep has no ``result``."""

    row: Mapping[str, Any]
    result: BacktestResult | None

    @property
    def run_id(self) -> str:
        """Its id."""
        return str(self.row["run_id"])

    @property
    def config(self) -> BacktestConfig:
        """What was run."""
        return BacktestConfig.model_validate_json(self.row["config"])


def stored_runs(connection: duckdb.DuckDBPyConnection, *, trials: bool = False) -> pl.DataFrame:
    """Read the rows of ``backtest.runs``, the newest first.

    Parameters
    ----------
    trials
        With those that belong to a sweep or a walk-forward.
    """
    rows = _rows(connection, RUNS, "true" if trials else "sweep_id IS NULL")
    return rows.sort("started_at", "run_id", descending=True)


def stored_sweeps(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read the rows of ``backtest.sweeps``, the newest first."""
    return _rows(connection, SWEEPS, "true").sort("started_at", "sweep_id", descending=True)


def run_row(connection: duckdb.DuckDBPyConnection, run_id: str) -> dict[str, Any]:
    """Find the row of a stored run as ``load_run`` finds it; its frames are left alone.

    Raises
    ------
    UnknownRunError
        If there is none, or more than one.
    """
    found = _rows(connection, RUNS, "run_id = $id", run_id)
    if run_id == LATEST:
        found = _rows(connection, RUNS, "sweep_id IS NULL").sort("started_at", "run_id").tail(1)
    elif found.is_empty():
        found = _rows(connection, RUNS, "starts_with(run_id, $id)", run_id)
    if found.height != 1:
        many = ", ".join(found["run_id"].sort().head(5))
        raise UnknownRunError(
            f"{run_id!r} begins the ids of several backtests: {many}"
            if many
            else f"no backtest {run_id!r} is stored",
            hint="`funding backtest list` has those that are",
        )
    return found.row(0, named=True)


def load_run(connection: duckdb.DuckDBPyConnection, run_id: str) -> StoredRun:
    """Load a stored run, by its id, by a beginning that no other has, or ``latest``.

    Raises
    ------
    UnknownRunError
        If there is none, or more than one.
    """
    row = run_row(connection, run_id)
    if not row["whole"]:
        return StoredRun(row, None)
    result = BacktestResult(
        config=BacktestConfig.model_validate_json(row["config"]),
        **{table.name: _frame_of(connection, table, row["run_id"]) for table in FRAMES},
        warnings=tuple(row["warnings"]),
        data_fingerprint=row["data_fingerprint"],
    )
    return StoredRun(row, result)


def load_sweep(
    connection: duckdb.DuckDBPyConnection, sweep_id: str
) -> tuple[dict[str, Any], pl.DataFrame]:
    """Load the row of a sweep, and those of its trials in their order.

    Raises
    ------
    UnknownRunError
        If there is no such sweep.
    """
    found = _rows(connection, SWEEPS, "sweep_id = $id", sweep_id)
    if found.is_empty():
        raise UnknownRunError(
            f"no sweep {sweep_id!r} is stored",
            hint="`funding backtest list --sweeps` has those that are",
        )
    trials = _rows(connection, RUNS, "sweep_id = $id", sweep_id).sort("trial")
    return found.row(0, named=True), trials


def _rows(
    connection: duckdb.DuckDBPyConnection, table: Table, condition: str, wanted: str | None = None
) -> pl.DataFrame:
    """Read the rows of a table; none where the lake is older than its declaration."""
    if not has_table(connection, table):
        return table.empty()
    sql = f"SELECT * FROM {table.full_name} WHERE {condition}"
    asked = {} if wanted is None else {"id": wanted}
    return answer(connection, table.polars_schema, sql, asked)


def _frame_of(connection: duckdb.DuckDBPyConnection, table: Table, run_id: str) -> pl.DataFrame:
    order = [name for name in table.key if name != "run_id"]
    return _rows(connection, table, "run_id = $id", run_id).drop("run_id").sort(order)
