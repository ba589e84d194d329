"""Backtests in the lake: what is written of a run, and how it is read back, frame by frame."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Any, Final

import duckdb
import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.errors import IdentityError
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.core.source_code import CODE, digest_around, source_digest
from funding_platform.core.tables.backtest import FRAMES, MAX_IDENTITY_ERROR, RUNS, SWEEPS
from funding_platform.core.tables.schema import Table
from funding_platform.flows.errors import UnknownRunError
from funding_platform.lake.catalog import current_snapshot
from funding_platform.lake.connection import connect, has_table
from funding_platform.lake.writer import Transaction
from funding_platform.settings import Settings
from funding_platform.strategies.contract import NamedStrategy

LATEST: Final = "latest"
"""Stands for the id of the run that began last."""

SHOWN_RUNS: Final = (
    "run_id",
    "name",
    "window_start",
    "window_end",
    "net_pnl_usd",
    "total_return",
    "sharpe",
    "max_drawdown",
    "n_trades",
)
SHOWN_SWEEPS: Final = (
    "sweep_id",
    "name",
    "method",
    "n_trials",
    "best_run_id",
    "sharpe",
    "total_return",
    "deflated_sharpe",
)
"""What of a run, and of a sweep, fits on a terminal."""

_READING: Final = "flows/backtests/data.py"
"""What a result depends on besides configuration, data and the code of backtests."""

_NUMERICS: Final = ("numba", "numpy", "polars")
"""Libraries whose versions may change the last bit of a result."""


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


def new_id(kind: str, now: datetime) -> str:
    """An id that sorts by time: ``run-20261121-072530-9f3c01ab``."""
    return f"{kind}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"


@cache
def code_version(strategy: type[NamedStrategy] | None = None) -> str:
    """Version of the package, and a digest of the code and libraries that a result depends on.

    A strategy of another package follows with its name and the digest of its own code:
    ``0.1.0+9f3c01ab52d7 fade+51b7e0c2a94d``.
    """
    made_with = (source_digest(*CODE, _READING), *map(version, _NUMERICS))
    digest = hashlib.sha256(",".join(made_with).encode()).hexdigest()
    platform = f"{version('funding-platform')}+{digest[:12]}"
    brought = None if strategy is None else digest_around(strategy)
    if strategy is None or brought is None:
        return platform
    return f"{platform} {strategy.model_fields['name'].default}+{brought[:12]}"


def code_of(config: BacktestConfig) -> str:
    """The version of the code that a configuration runs on, its strategy's included."""
    return code_version(None if config.strategy is None else type(config.strategy))


def newest_snapshot(settings: Settings) -> int:
    """Id of the lake's newest snapshot.

    Raises
    ------
    LakeMissingError
        If nothing has been stored yet.
    """
    with connect(settings) as lake:
        return current_snapshot(lake)


def require_identity(identity_error: float, what: str) -> None:
    """Refuse a run that has lost track of money.

    Raises
    ------
    IdentityError
        If equity and components are further apart than rounding explains.
    """
    if not identity_error <= MAX_IDENTITY_ERROR:
        raise IdentityError(
            f"{what}: equity is not capital plus funding and price less all costs, but off by "
            f"{identity_error:.2e} of the capital; nothing was stored",
            hint="the engine is at fault, or a price is so large that rounding is: report it with "
            "the configuration",
        )


def append_run(transaction: Transaction, row: Mapping[str, Any], result: BacktestResult) -> None:
    """Add a run with all its frames."""
    append_rows(transaction, RUNS, [row])
    for table in FRAMES:
        frame = getattr(result, table.name).with_columns(run_id=pl.lit(row["run_id"]))
        transaction.append(table, table.conform(frame))


def append_rows(transaction: Transaction, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows given as mappings."""
    transaction.append(table, pl.DataFrame(rows, schema=table.polars_schema))


def load_rows(settings: Settings, *run_ids: str) -> list[dict[str, Any]]:
    """The rows of stored runs, found as ``load_run`` finds them; their frames are left alone."""
    with connect(settings) as lake:
        return [_row_of(lake, run_id) for run_id in run_ids]


def load_run(settings: Settings, run_id: str) -> StoredRun:
    """A stored run, by its id, by a beginning that no other has, or ``latest``.

    Raises
    ------
    UnknownRunError
        If there is none, or more than one.
    """
    with connect(settings) as lake:
        row = _row_of(lake, run_id)
        if not row["whole"]:
            return StoredRun(row, None)
        frames = {table.name: _frame_of(lake, table, row["run_id"]) for table in FRAMES}
    result = BacktestResult(
        config=BacktestConfig.model_validate_json(row["config"]),
        **frames,
        warnings=tuple(row["warnings"]),
        data_fingerprint=row["data_fingerprint"],
    )
    return StoredRun(row, result)


def load_sweep(settings: Settings, sweep_id: str) -> tuple[dict[str, Any], pl.DataFrame]:
    """The row of a sweep, and those of its trials in their order.

    Raises
    ------
    UnknownRunError
        If there is no such sweep.
    """
    with connect(settings) as lake:
        found = _rows(lake, SWEEPS, "sweep_id = ?", [sweep_id])
        if found.is_empty():
            raise UnknownRunError(
                f"no sweep {sweep_id!r} is stored",
                hint="`funding backtest list --sweeps` has those that are",
            )
        return found.row(0, named=True), _rows(lake, RUNS, "sweep_id = ?", [sweep_id]).sort("trial")


def stored_runs(settings: Settings, *, trials: bool = False) -> pl.DataFrame:
    """Rows of ``backtest.runs``, the newest first.

    Parameters
    ----------
    trials
        With those that belong to a sweep or a walk-forward.
    """
    with connect(settings) as lake:
        rows = _rows(lake, RUNS, "true" if trials else "sweep_id IS NULL", [])
    return rows.sort("started_at", "run_id", descending=True)


def stored_sweeps(settings: Settings) -> pl.DataFrame:
    """Rows of ``backtest.sweeps``, the newest first."""
    with connect(settings) as lake:
        return _rows(lake, SWEEPS, "true", []).sort("started_at", "sweep_id", descending=True)


def _row_of(lake: duckdb.DuckDBPyConnection, run_id: str) -> dict[str, Any]:
    found = _rows(lake, RUNS, "run_id = ?", [run_id])
    if run_id == LATEST:
        found = _rows(lake, RUNS, "sweep_id IS NULL", []).sort("started_at", "run_id").tail(1)
    elif found.is_empty():
        found = _rows(lake, RUNS, "starts_with(run_id, ?)", [run_id])
    if found.height != 1:
        many = ", ".join(found["run_id"].sort().head(5))
        raise UnknownRunError(
            f"{run_id!r} begins the ids of several backtests: {many}"
            if many
            else f"no backtest {run_id!r} is stored",
            hint="`funding backtest list` has those that are",
        )
    return found.row(0, named=True)


def _rows(
    lake: duckdb.DuckDBPyConnection, table: Table, condition: str, parameters: list[object]
) -> pl.DataFrame:
    """Rows of a table; none where the lake is older than its declaration."""
    if not has_table(lake, table):
        return table.empty()
    found = lake.execute(f"SELECT * FROM {table.full_name} WHERE {condition}", parameters).pl()
    return table.typed(found.select(table.column_names))


def _frame_of(lake: duckdb.DuckDBPyConnection, table: Table, run_id: str) -> pl.DataFrame:
    order = [name for name in table.key if name != "run_id"]
    return _rows(lake, table, "run_id = ?", [run_id]).drop("run_id").sort(order)
