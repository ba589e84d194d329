"""``marts.fee_history`` against a slow reading of the seed and of any overrides."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funding_platform.core.tables.fees import FEE_HISTORY, FEE_OVERRIDES
from funding_platform.flows.queries import fees_at
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.dbt.forked import PROJECT

RECORDED = datetime(2026, 8, 1, tzinfo=UTC)
PUBLISHED = pl.read_csv(PROJECT / "seeds" / "fee_schedules.csv", try_parse_dates=True)

Key = tuple[str, str, datetime]
Span = tuple[str, str, datetime, datetime | None, float, bool]


class Entry(NamedTuple):
    """Somebody sets or revokes the fees of a tier."""

    venue: str
    tier: str
    effective_from: datetime
    taker_bps: float
    revoked: bool


STARTS = [
    datetime(2016, 5, 1, tzinfo=UTC),
    datetime(2024, 3, 11, tzinfo=UTC),
    datetime(2025, 5, 5, 3, tzinfo=UTC),
    datetime(2026, 2, 1, tzinfo=UTC),
    datetime(2026, 7, 1, tzinfo=UTC),
]
"""Starts of published fees of the venues below, and one that is not."""

ENTRIES = st.lists(
    st.builds(
        Entry,
        venue=st.sampled_from(["hyperliquid", "drift", "ccxt:gate"]),
        tier=st.sampled_from(["base", "tier_1", "ours"]),
        effective_from=st.sampled_from(STARTS),
        taker_bps=st.integers(0, 9).map(float),
        revoked=st.booleans(),
    ),
    max_size=12,
)
COLUMNS = "venue, tier, effective_from, effective_until, taker_bps, overridden"
VALUED = f"""
WITH trades AS (SELECT DISTINCT venue, tier, ?::TIMESTAMPTZ AS time FROM {FEE_HISTORY.full_name})
SELECT fees.{COLUMNS.replace(", ", ", fees.")}
FROM trades ASOF JOIN {FEE_HISTORY.full_name} AS fees
    ON trades.venue = fees.venue AND trades.tier = fees.tier AND trades.time >= fees.effective_from
"""
"""How SQL values something that happened with the fees of its time."""

INSTANTS = st.sampled_from(STARTS).flatmap(
    lambda start: st.sampled_from([-1, 0, 1]).map(lambda us: start + timedelta(microseconds=us))
)


def slow_history(entries: list[Entry]) -> set[Span]:
    """Spans of the fees, by going through the entries one by one."""
    fees: dict[Key, tuple[float, bool]] = {
        (venue, tier, start): (taker, False)
        for venue, tier, start, taker in PUBLISHED.select(
            "venue", "tier", "effective_from", "taker_bps"
        ).iter_rows()
    }
    published = dict(fees)
    for entry in entries:
        key = (entry.venue, entry.tier, entry.effective_from)
        if not entry.revoked:
            fees[key] = (entry.taker_bps, True)
        elif key in published:
            fees[key] = published[key]
        else:
            fees.pop(key, None)
    spans = set()
    for (venue, tier, start), (taker, overridden) in fees.items():
        later = [other[2] for other in fees if other[:2] == (venue, tier) and other[2] > start]
        spans.add((venue, tier, start, min(later, default=None), taker, overridden))
    return spans


def frame_of(entries: list[Entry]) -> pl.DataFrame:
    """The entries as rows of ``core.fee_overrides``, recorded one after the other."""
    return pl.DataFrame(
        [
            {
                **entry._asdict(),
                "recorded_at": RECORDED + timedelta(microseconds=number),
                "maker_bps": 0.0,
                "min_volume_30d_usd": 0.0,
                "note": "drawn",
                "recorded_by": "hypothesis",
            }
            for number, entry in enumerate(entries)
        ],
        schema=FEE_OVERRIDES.polars_schema,
    )


@pytest.fixture(scope="module")
def lake(published_fees: Settings) -> Iterator[Lake]:
    with Lake(published_fees) as opened:
        yield opened


@pytest.mark.world
@settings(deadline=None, max_examples=40)
@given(ENTRIES, INSTANTS)
def test_fees_of_any_time_after_any_entries(
    lake: Lake, entries: list[Entry], instant: datetime
) -> None:
    spans = slow_history(entries)
    applied = {
        span for span in spans if span[2] <= instant and (span[3] is None or instant < span[3])
    }
    with entered(lake, entries):
        history = lake.read(f"SELECT {COLUMNS} FROM {FEE_HISTORY.full_name}")
        found = fees_at(lake.connection, instant).select(COLUMNS.split(", "))
        valued = lake.read(VALUED, [instant])
    assert set(history.iter_rows()) == spans
    assert set(found.iter_rows()) == applied
    assert set(valued.iter_rows()) == applied


@contextmanager
def entered(lake: Lake, entries: list[Entry]) -> Iterator[None]:
    """The entries in ``core.fee_overrides``, in no order, for as long as the context lasts."""
    rows = frame_of(entries).sample(fraction=1, shuffle=True, seed=len(entries))
    lake.connection.execute("BEGIN")
    try:
        lake.connection.register("entries", rows)
        lake.connection.execute(f"INSERT INTO {FEE_OVERRIDES.full_name} BY NAME FROM entries")
        yield
    finally:
        lake.connection.execute("ROLLBACK")
