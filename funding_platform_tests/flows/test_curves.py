"""Curves in the lake: rebuilt by month, equal to the pure functions, and repeatable."""

from datetime import UTC, datetime, timedelta

from funding_platform.core.time_grid import Window, month_start
from funding_platform.curves import curve_factors
from funding_platform.flows.curves import update_curve_factors, update_curve_snapshots
from funding_platform.flows.history import collect_history
from funding_platform.flows.snapshots import collect_snapshots
from funding_platform.lake import connect
from funding_platform.settings import Settings

NOW = datetime.now(UTC)
THIS_MONTH = Window.of_month(NOW)
LAST_MONTH = Window.of_month(month_start(NOW) - timedelta(days=1))


def test_curves_of_settled_and_predicted_rates(settings: Settings) -> None:
    both = Window(LAST_MONTH.start, THIS_MONTH.end)
    collect_history("binance", both, settings, "run")
    collect_snapshots(["binance"], settings, "run")
    by_month = [
        update_curve_snapshots(month, settings, "run") for month in (LAST_MONTH, THIS_MONTH)
    ]
    factors = [update_curve_factors(month, settings, "run") for month in (LAST_MONTH, THIS_MONTH)]

    assert {"live", "settled"} <= set(by_month[1]["kind"])
    assert by_month[1]["as_of"].max() <= NOW + timedelta(minutes=5)
    with connect(settings) as connection:
        stored = connection.execute(
            "SELECT (SELECT count(*) FROM features.curve_snapshots), "
            "(SELECT count(*) FROM features.curve_factors)"
        ).fetchone()
    rows = sum(frame.height for frame in by_month)
    assert stored == (rows, rows)
    for curves, computed in zip(by_month, factors, strict=True):
        key = ["venue", "venue_symbol", "as_of", "kind"]
        assert computed.sort(key).equals(curve_factors(curves).sort(key))


def test_a_range_of_months_equals_its_months(settings: Settings) -> None:
    both = Window(LAST_MONTH.start, THIS_MONTH.end)
    collect_history("okx", both, settings, "run")
    key = ["venue", "venue_symbol", "as_of", "kind"]
    whole = update_curve_snapshots(both, settings, "range").filter(kind="settled").sort(key)
    parts = [update_curve_snapshots(month, settings, "month") for month in (LAST_MONTH, THIS_MONTH)]
    joined = parts[0].vstack(parts[1]).filter(kind="settled").sort(key)
    assert joined.equals(whole)
