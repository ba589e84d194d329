"""The marts against the same figures worked out in Python."""

from collections import Counter
from collections.abc import Iterator

import pytest

from funding_platform.core.time_grid import next_month
from funding_platform.core.units import apr, rate_8h
from funding_platform_tests.dbt.conftest import Built
from funding_platform_tests.dbt.market import History, Row, month_of
from funding_platform_tests.known import known


def last_per_instrument(rows: list[Row], time: str) -> dict[tuple[str, str], Row]:
    return {
        (row["venue"], row["venue_symbol"]): row for row in sorted(rows, key=lambda row: row[time])
    }


def scaled(row: Row, rate: str) -> tuple[float | None, float | None]:
    if row.get(rate) is None or row.get("interval_hours") is None:
        return None, None
    return rate_8h(row[rate], row["interval_hours"]), apr(row[rate], row["interval_hours"])


def expected_latest(built: Built) -> dict[tuple[str, str], Row]:
    settled_rows = [row for history in built.histories for row in history.kept]
    settled_by = last_per_instrument(settled_rows, "funding_time")
    market_by = last_per_instrument(built.snapshots.rows(named=True), "observed_at")
    latest = {}
    for instrument in built.instruments.rows(named=True):
        key = (instrument["venue"], instrument["venue_symbol"])
        settled, market = settled_by.get(key, {}), market_by.get(key, {})
        mark, index = market.get("mark_price"), market.get("index_price")
        settled_8h, settled_apr = scaled(settled, "funding_rate")
        predicted_8h, predicted_apr = scaled(market, "predicted_rate")
        latest[key] = {
            **{
                name: instrument[name]
                for name in ("venue", "venue_symbol", "base", "quote", "contract_type")
            },
            "multiplier": instrument["multiplier"],
            "asset_class": instrument["asset_class"],
            "status": instrument["status"],
            "settled_time": settled.get("funding_time"),
            "settled_rate": settled.get("funding_rate"),
            "settled_interval_hours": settled.get("interval_hours"),
            "settled_rate_8h": settled_8h,
            "settled_apr": settled_apr,
            "predicted_rate": market.get("predicted_rate"),
            "predicted_interval_hours": market.get("interval_hours"),
            "predicted_rate_8h": predicted_8h,
            "predicted_apr": predicted_apr,
            "next_funding_time": market.get("next_funding_time"),
            "mark_price": mark and mark / instrument["multiplier"],
            "index_price": index and index / instrument["multiplier"],
            "open_interest_usd": market.get("open_interest_usd"),
            "volume_24h_usd": market.get("volume_24h_usd"),
            "spread_bps": market.get("spread_bps"),
            "observed_at": market.get("observed_at"),
        }
    return latest


def assert_same(found: Row, expected: Row) -> None:
    assert list(found) == list(expected)
    for name, value in expected.items():
        wanted = pytest.approx(value, rel=1e-9, abs=1e-15) if isinstance(value, float) else value
        assert found[name] == wanted, name


def test_latest_funding_rates_are_what_was_last_stored(built: Built) -> None:
    expected = expected_latest(built)
    rows = built.read("SELECT * FROM marts.latest_funding_rates").rows(named=True)
    assert len(rows) == len(expected)
    for row in rows:
        assert_same(row, expected[row["venue"], row["venue_symbol"]])


def test_an_instrument_without_any_data_is_listed_with_nulls(built: Built) -> None:
    (row,) = built.read(
        "SELECT * FROM marts.latest_funding_rates WHERE venue_symbol = 'BTC-UNSEEN'"
    ).rows(named=True)
    facts = ("venue", "venue_symbol", "base", "quote", "contract_type", "multiplier", "status")
    assert {name for name in row if row[name] is not None} == set(facts)


def expected_months(history: History) -> Iterator[Row]:
    """What coverage must say of each month from the first settlement to the last."""
    kept, lost = Counter(map(month_of, history.kept)), Counter(map(month_of, history.lost))
    month = month_of(history.kept[0])
    while month <= month_of(history.kept[-1]):
        stored = [row for row in history.kept if month_of(row) == month]
        times = [row["funding_time"] for row in stored]
        intervals = [row["interval_hours"] for row in stored]
        yield {
            "venue": history.kept[0]["venue"],
            "venue_symbol": history.kept[0]["venue_symbol"],
            "month": month,
            "present": kept[month],
            "missing": lost[month],
            "expected": kept[month] + lost[month],
            "coverage": kept[month] / (kept[month] + lost[month]),
            "min_interval_hours": min(intervals, default=None),
            "max_interval_hours": max(intervals, default=None),
            "first_funding_time": min(times, default=None),
            "last_funding_time": max(times, default=None),
        }
        month = next_month(month)


def test_coverage_finds_what_was_lost_in_the_month_it_was_lost_from(built: Built) -> None:
    expected = [month for history in built.histories for month in expected_months(history)]
    rows = built.read(
        "SELECT * EXCLUDE (widest_gap_hours) FROM marts.coverage ORDER BY venue, month"
    ).rows(named=True)
    assert len(rows) == len(expected)
    for row, month in zip(rows, expected, strict=True):
        assert_same(row, month)


def test_a_hole_of_whole_months_is_visible_in_each_of_them(built: Built) -> None:
    hole = built.read(
        "SELECT strftime(month, '%Y-%m') AS month, present, coverage, widest_gap_hours "
        "FROM marts.coverage WHERE venue = 'okx' ORDER BY month"
    )
    inside = hole.filter(month="2024-12")
    assert inside.rows() == [("2024-12", 0, 0.0, hole["widest_gap_hours"].max())]
    assert known(hole["widest_gap_hours"].max()) > 24 * 74
    touched = hole.filter(widest_gap_hours=hole["widest_gap_hours"].max())
    assert touched["month"].to_list() == ["2024-11", "2024-12", "2025-01", "2025-02"]


def test_the_histories_lose_settlements_of_every_interval(built: Built) -> None:
    assert all(len(history.lost) > 20 for history in built.histories)
    assert {row["interval_hours"] for row in built.histories[0].lost} == {1.0, 4.0, 8.0}
