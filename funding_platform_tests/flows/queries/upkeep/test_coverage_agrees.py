"""What a collection says of itself, what ``--gaps`` says later and what dbt counts are the same."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from funding_platform.core.time_grid import HOUR, Window
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.snapshots import collect_instruments
from funding_platform.flows.queries.upkeep.gaps import missing_of
from funding_platform.lake import connect
from funding_platform.sandbox.markets.market import Instrument
from funding_platform.settings import Settings
from funding_platform_tests.dbt.runner import run_dbt
from funding_platform_tests.flows.markets import LossyMarket
from funding_platform_tests.present import PRESENT

VENUES = ("binance", "hyperliquid", "okx")


def trading(market: LossyMarket, venue: str, since: datetime) -> list[Instrument]:
    """Contracts that have traded since a time."""
    listed = [
        instrument
        for instrument in market.instruments(venue)
        if instrument.listed_ms < since.timestamp() * 1000 - 1e9
        and instrument.trades_at(market.now_ms())
    ]
    return sorted(listed, key=lambda instrument: instrument.venue_symbol)


@pytest.mark.world
def test_openings_gaps_and_tails_are_the_same_everywhere(
    lossy: Settings, market: LossyMarket
) -> None:
    """Of each venue one symbol loses its beginning, one its end, one all, and one a single row."""
    now = PRESENT
    quarter = Window(now - timedelta(days=80), now)
    victims = {venue: trading(market, venue, quarter.start)[:4] for venue in VENUES}
    opening, stopped, silent, gap = (
        {instruments[n].venue_symbol for instruments in victims.values()} for n in range(4)
    )
    middle = quarter.start + timedelta(days=40)

    def lost(symbol: str, time: datetime) -> bool:
        return (
            symbol in silent
            or (symbol in opening and time < quarter.start + timedelta(days=5))
            or (symbol in stopped and time > now - timedelta(days=6))
            or (symbol in gap and abs(time - middle) < 13 * HOUR)
        )

    market.lose(lost)
    collect_instruments(VENUES, lossy, "instruments")
    reports = {venue: collect_history(venue, quarter, lossy, venue) for venue in VENUES}
    outcome = run_dbt(lossy, "run", "--select", "+coverage")
    assert outcome.returncode == 0, outcome.stdout[-4000:]
    kinds = set()
    for venue, report in reports.items():
        with connect(lossy) as lake:
            named = missing_of(lake, venue)
            mart = lake.execute(
                "SELECT venue_symbol, sum(missing)::BIGINT FROM marts.coverage "
                "WHERE venue = ? GROUP BY venue_symbol HAVING sum(missing) > 0",
                [venue],
            ).fetchall()
        assert report.outages == []
        key = ["venue_symbol", "missing_time", "kind"]
        told = report.missing_settlements.select(key).sort(key)
        assert told.rows() == named.select(key).sort(key).rows()
        assert dict(mart) == dict(Counter(told["venue_symbol"])) == report.missing
        kinds |= set(told["kind"])
    assert kinds == {"between", "opening", "stopped", "silent"}
