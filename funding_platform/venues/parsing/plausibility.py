"""Can this be a market? Faults of clock and unit that an answer shows only beside itself.

An answer that decodes and lies within all bounds may still be impossible: a mark that is a hundred
times its index, a settlement due in more than an interval, a listing in 1970. Where most rows break
a rule, the venue has changed what it publishes, and nothing of it is believed. Where single ones
do, it is those markets' own trouble: the value is unknown, with a warning.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import cache
from operator import attrgetter
from typing import Final, NamedTuple, TypeVar

import polars as pl

from funding_platform.core.plain_text import SYMBOL_LENGTH, is_symbol, legible
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.columns import MAX_INTERVAL_HOURS
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import FIRST_PERPETUAL, SKEW
from funding_platform.venues.errors import ContractError
from funding_platform.venues.parsing.leniency import most

CRITICAL_COLUMNS: Final = ("interval_hours", "next_funding_time", "mark_price")
"""Columns that must not vanish unnoticed; without a predicted rate there is no snapshot at all."""

MAX_MARK_INDEX_RATIO: Final = 10
"""A mark so many times its index, or the reverse, is another unit and no premium."""

ANNOUNCED: Final = timedelta(days=366)
"""No listing is announced further ahead."""

SOME_MARKETS: Final = 5
"""From so many on, the markets of a venue do not all rest at a rate of 0."""

MANY_MARKETS: Final = 100
"""From so many on, they do not all have one rate or one mark: a default rate holds for most of
them, never for all."""

MANY_SETTLEMENTS: Final = 100
"""Settlements that are all 0 tell nothing below this: an hour may rest, a week does not."""

_CHANGED = "the venue may have changed the unit or the clock of what it publishes"
_FILLED_IN = (
    "the rows are stored as they came; look at the venue's own page, and leave it out of "
    "FUNDING_VENUES while its figures are no market's"
)
_SHOWN = 3
_SHOWN_LENGTH = 40

R = TypeVar("R")


class Rule(NamedTuple):
    """What is wrong with a value, and the column that is unknown where it is."""

    column: str
    broken: pl.Expr
    complaint: str


@cache  # not at import: a literal of time starts the threads of Polars
def market_rules() -> tuple[Rule, ...]:
    """Return the rules for what a venue says of a market now."""
    hours = pl.col("interval_hours").fill_null(MAX_INTERVAL_HOURS)
    ahead = pl.col("next_funding_time") - pl.col("observed_at")
    longest = pl.duration(seconds=(hours * 3600).cast(pl.Int64)) + SKEW
    ratio = pl.col("mark_price") / pl.col("index_price")
    return (
        Rule("interval_hours", MAX_INTERVAL_HOURS % hours != 0, "does not divide a day"),
        Rule(
            "next_funding_time",
            (ahead > longest) | (pl.col("next_funding_time") < FIRST_PERPETUAL),
            "is more than an interval ahead, or older than perpetuals",
        ),
        Rule(
            "mark_price",
            (pl.col("index_price") > 0)
            & ~ratio.is_between(1 / MAX_MARK_INDEX_RATIO, MAX_MARK_INDEX_RATIO),
            f"is more than {MAX_MARK_INDEX_RATIO} times apart from the index",
        ),
    )


@cache
def listing_rules() -> tuple[Rule, ...]:
    """Return the rules for what a venue says of a listing."""
    impossible = (pl.col("listed_at") < FIRST_PERPETUAL) | (
        pl.col("listed_at") > pl.col("last_seen_at") + ANNOUNCED
    )
    return (Rule("listed_at", impossible, "is older than perpetuals, or more than a year ahead"),)


def sifted_by_names(
    rows: Sequence[R], names: Sequence[str], venue: str
) -> tuple[list[R], ContractError | None]:
    """Return the rows whose names may name something, and what was wrong with the others.

    Raises
    ------
    ContractError
        If those are most of the rows.
    """
    texts = {text for name in names for text in map(attrgetter(name), rows)}
    wrong = {text for text in texts if text is not None and not is_symbol(text)}
    if not wrong:
        return list(rows), None
    bad = {
        number: named[0]
        for number, row in enumerate(rows)
        if (named := [text for name in names if (text := getattr(row, name)) in wrong])
    }
    shown = ", ".join(repr(legible(text, _SHOWN_LENGTH)) for text in list(bad.values())[:_SHOWN])
    error = ContractError(
        f"{len(bad)} of {len(rows)} rows have a name that is not a symbol: {shown}",
        venue=venue,
        hint=f"symbols and assets have up to {SYMBOL_LENGTH} characters, all of them printable",
    )
    if most(len(bad), len(rows)):
        raise error
    return [row for number, row in enumerate(rows) if number not in bad], error


def missing_columns(
    venue: str, snapshot: pl.DataFrame, never_stated: Collection[str]
) -> list[ContractError]:
    """Complain of each column that drives money and has no value in any row.

    Parameters
    ----------
    venue
        Whose snapshot it is.
    snapshot
        Rows of ``core.market_snapshots``.
    never_stated
        Columns that the venue does not fill anyway.
    """
    return [
        _error(venue, MARKET_SNAPSHOTS, f"not one row has {column}")
        for column in CRITICAL_COLUMNS
        if column not in never_stated and snapshot[column].null_count() == snapshot.height
    ]


def drop_implausible(
    venue: str, snapshot: pl.DataFrame
) -> tuple[pl.DataFrame, list[ContractError]]:
    """Return the snapshot without impossible values, and what was wrong with it.

    Parameters
    ----------
    venue
        Whose it is.
    snapshot
        Rows of ``core.market_snapshots``.

    Raises
    ------
    ContractError
        If most of the values of a column are impossible, or no row has a predicted rate.
    """
    if snapshot["predicted_rate"].null_count() == snapshot.height:
        raise _error(venue, MARKET_SNAPSHOTS, "not one row has a predicted_rate")
    frame, problems = _possible(venue, MARKET_SNAPSHOTS, snapshot, market_rules())
    return frame, [*problems, *_at_rest(venue, frame)]


def settled_at_rest(venue: str, rates: pl.Series, markets: int) -> list[ContractError]:
    """Return a complaint where every market of a venue settled at 0, again and again.

    Single markets do, for months; all markets of a venue do not: the venue, or what stands between
    it and us, fills in 0 for what it does not know.

    Parameters
    ----------
    venue
        Whose settlements they are.
    rates
        Settled rates, of as many ``markets``.
    """
    if markets < SOME_MARKETS or rates.len() < MANY_SETTLEMENTS or (rates != 0).any():
        return []
    told = f"all {rates.len()} settled rates of {markets} markets are 0"
    return [_error(venue, FUNDING_RATES, told, _FILLED_IN)]


def _at_rest(venue: str, snapshot: pl.DataFrame) -> list[ContractError]:
    """Complain of what markets do not all show at once, in a snapshot."""
    rates, marks = (snapshot[name].drop_nulls() for name in ("predicted_rate", "mark_price"))
    problems = []
    if rates.n_unique() == 1 and rates.len() >= (SOME_MARKETS if rates[0] == 0 else MANY_MARKETS):
        problems.append(f"predicted_rate is {rates[0]:g} in all {rates.len()} markets")
    if marks.n_unique() == 1 and marks.len() >= MANY_MARKETS:
        problems.append(f"mark_price is {marks[0]:g} in all {marks.len()} markets")
    return [_error(venue, MARKET_SNAPSHOTS, told, _FILLED_IN) for told in problems]


def drop_implausible_listings(
    venue: str, instruments: pl.DataFrame
) -> tuple[pl.DataFrame, list[ContractError]]:
    """Return the instruments without impossible values, and what was wrong with them.

    Parameters
    ----------
    venue
        Whose they are.
    instruments
        Rows of ``core.instruments``.

    Raises
    ------
    ContractError
        If most of the values of a column are impossible: seconds taken for milliseconds, say.
    """
    return _possible(venue, INSTRUMENTS, instruments, listing_rules())


def _possible(
    venue: str, table: Table, frame: pl.DataFrame, rules: tuple[Rule, ...]
) -> tuple[pl.DataFrame, list[ContractError]]:
    if not any(frame.select(rule.broken.any().alias(rule.column) for rule in rules).row(0)):
        return frame, []
    problems = []
    for column, broken, complaint in rules:
        symbols = frame.filter(broken)["venue_symbol"]
        if symbols.is_empty():
            continue
        named = ", ".join(symbols.head(_SHOWN))
        error = _error(
            venue, table, f"{column} of {symbols.len()}, {named} among them, {complaint}"
        )
        if most(symbols.len(), frame[column].count()):
            raise error
        problems.append(error)
        kept = pl.when(~broken.fill_null(value=False)).then(column)
        frame = frame.with_columns(kept.alias(column))
    return frame, problems


def _error(venue: str, table: Table, message: str, hint: str = _CHANGED) -> ContractError:
    return ContractError(message, venue=venue, endpoint=table.full_name, hint=hint)
