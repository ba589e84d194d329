"""What does not hang on a time series: the facts of contracts, their names, the fees of venues."""

from collections.abc import Iterable
from typing import Final, get_args

import polars as pl

from funding_platform.backtest.data.rows import (
    require_columns,
    require_numbers,
    require_text,
    require_times,
    require_values,
)
from funding_platform.backtest.errors import DataError
from funding_platform.core.market.order_units import order_unit
from funding_platform.core.plain_text import first_few
from funding_platform.core.symbols import ContractType
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.fees import FEE_SCHEDULES

CONTRACT_TYPES: Final = (*get_args(ContractType), "spot")

_FACT_DEFAULTS: Final = {
    "asset_class": pl.lit(None, dtype=pl.String),
    "multiplier": pl.lit(1.0),
    "contract_type": pl.lit("linear"),
    "settle": pl.lit(None, dtype=pl.String),
    "contract_size": pl.lit(None, dtype=pl.Float64),
    "order_unit": pl.lit(None, dtype=pl.Float64),
    "min_size": pl.lit(None, dtype=pl.Float64),
}
"""Where the column is missing. A null in one that is there is not filled: it was not known."""

_SIZES: Final = ("contract_size", "order_unit", "min_size")
_NUMBERS: Final = ("multiplier", *_SIZES)
_FEES: Final = ("maker_bps", "taker_bps")
_MOST_NAMED: Final = 5


def contract_facts(funding: pl.DataFrame, given: pl.DataFrame | None) -> pl.DataFrame:
    """Read the contract facts, one row per instrument, sorted by key.

    Raises
    ------
    DataError
        If a column is missing, an instrument is there twice, or a fact cannot be.
    """
    names = (*INSTRUMENT_KEY, "base")
    table = "funding_rates" if given is None else "instruments"
    rows = funding if given is None else given
    require_columns(table, rows, names)
    require_text(table, rows, names)
    require_values(table, rows, names)
    if given is None:
        rows = rows.select(names).unique()
    require_numbers(table, rows, _NUMBERS)
    if "contract_type" in rows.columns:
        require_values(table, rows, ("contract_type",))
        require_text(table, rows, ("contract_type",))
    facts = (
        rows.select(
            *names,
            *(
                pl.col(name) if name in rows.columns else default.alias(name)
                for name, default in _FACT_DEFAULTS.items()
            ),
        )
        .cast(dict.fromkeys((*names, "contract_type", "asset_class", "settle"), pl.String))
        .cast(dict.fromkeys(_NUMBERS, pl.Float64))
        .with_columns(order_unit())
        .sort(INSTRUMENT_KEY)
    )
    fault = "with several bases" if given is None else "twice"
    twice = facts.select(INSTRUMENT_KEY).is_duplicated()
    _refuse(facts, twice, f"{table} has {{venue}} {{venue_symbol}} {fault}")
    _refuse_impossible(facts)
    return facts


def _refuse_impossible(facts: pl.DataFrame) -> None:
    """Raise over an instrument of which a fact cannot be."""
    _refuse(
        facts,
        ~pl.col("contract_type").is_in(CONTRACT_TYPES),
        "{venue} {venue_symbol}: contract_type {contract_type!r}",
        hint=f"one of {', '.join(CONTRACT_TYPES)}",
    )
    _refuse(
        facts,
        (pl.col("contract_type") == "quanto") & pl.col("settle").is_null(),
        "{venue} {venue_symbol}: a quanto contract without settle, the coin that it pays in",
    )
    factor = pl.col("multiplier")
    _refuse(
        facts,
        factor.is_null() | ~factor.is_finite() | (factor <= 0),
        "{venue} {venue_symbol}: multiplier {multiplier} is not a positive number",
    )
    for name in _SIZES:
        _refuse(
            facts,
            ~pl.col(name).is_finite() | (pl.col(name) < 0),
            f"{{venue}} {{venue_symbol}}: {name} {{{name}}} is no size",
            hint="null where it is not known",
        )


def names_of(instruments: pl.DataFrame) -> list[str]:
    """Return venue and symbol of each row."""
    return instruments.select(pl.concat_str(INSTRUMENT_KEY, separator=" ")).to_series().to_list()


def few(names: Iterable[str]) -> str:
    """List the first few different names, and how many more there are."""
    return first_few(sorted(set(names)), _MOST_NAMED)


def fee_schedule(given: pl.DataFrame | None) -> pl.DataFrame:
    """Read the fees of venues and tiers from their times on; none where none were given.

    Raises
    ------
    DataError
        If a column is missing, a key repeats, or a fee is no number.
    """
    if given is None:
        return FEE_SCHEDULES.empty()
    key = ("venue", "tier", "effective_from")
    require_columns("fees", given, (*key, *_FEES))
    require_text("fees", given, key[:2])
    require_times("fees", given, key[2:])
    require_values("fees", given, (*key, *_FEES))
    require_numbers("fees", given, _FEES)
    whose = "fees of {venue} {tier} from {effective_from}"
    for name in _FEES:
        bad = ~pl.col(name).cast(pl.Float64).is_finite()
        _refuse(given, bad, f"{whose}: {name} {{{name}}} is no number")
    _refuse(given, given.select(key).is_duplicated(), f"{whose} are there twice")
    return given.cast(dict.fromkeys(key[:2], pl.String))


def _refuse(
    rows: pl.DataFrame, bad: pl.Expr | pl.Series, fault: str, hint: str | None = None
) -> None:
    """Raise over the first bad row, if there is one, in the words of ``fault``."""
    found = rows.filter(bad)
    if not found.is_empty():
        raise DataError(fault.format(**found.row(0, named=True)), hint=hint)
