"""A venue that fills in 0 for all its rates is stored, and warned of."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from funding_platform.core.time_grid import Window
from funding_platform.flows.checks.lake import rates_not_at_rest
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.snapshots import collect_snapshots
from funding_platform.lake import connect
from funding_platform.sandbox.markets.market import Quote
from funding_platform.sandbox.markets.series import Settlements
from funding_platform.sandbox.server import build_market, running_sandbox
from funding_platform_tests.flows.conftest import settings_for
from funding_platform_tests.flows.markets import LossyMarket


class RestingMarket(LossyMarket):
    """A market in which nobody pays anybody."""

    def settlements(self, venue: str, venue_symbol: str) -> Settlements:
        rows = super().settlements(venue, venue_symbol)
        return Settlements(rows.times_ms, np.zeros_like(rows.rates), rows.marks)

    def quotes(self, venue: str) -> Mapping[str, Quote]:
        return {
            symbol: replace(quote, predicted_rate=0.0)
            for symbol, quote in super().quotes(venue).items()
        }


def test_a_venue_at_rest_is_stored_with_a_warning(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    window = Window(now - timedelta(days=20), now)
    for market, doubted in ((RestingMarket, True), (LossyMarket, False)):
        with running_sandbox(market(build_market(symbols=8))) as sandbox:
            settings = settings_for(sandbox, tmp_path / market.__name__)
            report = collect_history("binance", window, settings, "history")
            seen = collect_snapshots(["binance"], settings, "snapshots")["binance"].attempt
        told = [str(one) for one in (*report.warnings(), *seen.warnings)]
        assert report.rows > 400
        assert ["settled rates of 8 markets are 0" in one for one in told[:1]] == [True] * doubted
        assert ["predicted_rate is 0 in all 8" in one for one in told[1:]] == [True] * doubted
        assert seen.status == ("partial" if doubted else "success")
        with connect(settings) as lake:
            answer = rates_not_at_rest(lake, "binance", now)
            logged = lake.execute(
                "SELECT status FROM core.collection_log WHERE dataset = 'core.funding_rates'"
            ).fetchall()
        assert answer.passed == (not doubted)
        assert answer.figures["markets"] == 8
        assert logged == [("partial" if doubted else "success",)]
