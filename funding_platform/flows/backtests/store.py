"""Backtests in the lake: what is written of a run; ``flows.queries.trading.runs`` reads it back."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any, Final

import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.errors import IdentityError
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.core.system.source_code import CODE, digest_around, source_digest
from funding_platform.core.tables.backtests.ledgers import FRAMES, MAX_IDENTITY_ERROR
from funding_platform.core.tables.backtests.runs import RUNS
from funding_platform.core.tables.schema import Table
from funding_platform.lake.catalog import current_snapshot
from funding_platform.lake.connection import connect
from funding_platform.lake.writer import Transaction
from funding_platform.settings import Settings
from funding_platform.strategies.contract import NamedStrategy

_READING: Final = "flows/backtests/data.py"
"""What a result depends on besides configuration, data and the code of backtests."""

_NUMERICS: Final = ("numba", "numpy", "polars")
"""Libraries whose versions may change the last bit of a result."""


def new_id(kind: str, now: datetime) -> str:
    """Make an id that sorts by time: ``run-20261121-072530-9f3c01ab``."""
    return f"{kind}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"


@cache
def code_version(strategy: type[NamedStrategy] | None = None) -> str:
    """Name the package's version, with a digest of the code and libraries a result depends on.

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
    """Return the version of the code that a configuration runs on, its strategy's included."""
    return code_version(None if config.strategy is None else type(config.strategy))


def newest_snapshot(settings: Settings) -> int:
    """Return the id of the lake's newest snapshot.

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


def trial_id(sweep_id: str, number: int) -> str:
    """Name one run of a sweep: ``sweep-20261121-072530-9f3c01ab-0004``."""
    return f"{sweep_id}-{number:04d}"


def belongs(sweep_id: str, number: int, name: str, snapshot: int) -> dict[str, Any]:
    """Return the columns of ``backtest.runs`` by which a run is one of a sweep."""
    return {
        "run_id": trial_id(sweep_id, number),
        "name": name,
        "sweep_id": sweep_id,
        "trial": number,
        "lake_snapshot_id": snapshot,
    }


def made(config: BacktestConfig, snapshot: int, started: datetime) -> dict[str, Any]:
    """Return the columns of ``backtest.sweeps`` that say with what, and when."""
    return {
        "code_version": code_of(config),
        "lake_snapshot_id": snapshot,
        "started_at": started,
        "finished_at": datetime.now(UTC),
    }
