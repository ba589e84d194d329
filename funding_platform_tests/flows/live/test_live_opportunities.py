"""Opportunities of a market that came over the wire: the board's beside the mart's."""

from dataclasses import replace

import pytest
from polars.testing import assert_frame_equal

from funding_platform.core.tables.collected import INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.time_grid import Window, month_start
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.snapshots import collect_instruments, collect_snapshots
from funding_platform.flows.live.given import given_for_pairs
from funding_platform.lake import connect
from funding_platform.live.board.board import Board
from funding_platform.live.pairs.table import PairTable
from funding_platform.settings import Settings
from funding_platform_tests.dbt.runner import run_dbt
from funding_platform_tests.live.markets import read, tell
from funding_platform_tests.present import PRESENT

pytestmark = pytest.mark.world

VENUES = ("binance", "bybit", "okx", "hyperliquid", "deribit")
KEY = list(OPPORTUNITIES.key)


def test_the_board_s_opportunities_are_those_of_the_mart(settings: Settings) -> None:
    collect_instruments(VENUES, settings, "run-1")
    collect_snapshots(VENUES, settings, "run-1")
    for venue in VENUES:
        collect_history(venue, Window(month_start(PRESENT), PRESENT), settings, "run-1")
    models = ("--select", "+opportunities_best", "fee_history")
    outcome = run_dbt(settings, "build", *models, "--exclude-resource-type", "test", "unit_test")
    assert outcome.returncode == 0, outcome.stdout[-4000:] + outcome.stderr
    board = Board()
    board.list_instruments(read(settings, INSTRUMENTS))
    tell(board, read(settings, MARKET_SNAPSHOTS))
    with connect(settings) as lake:
        given = given_for_pairs(lake)
    table = PairTable(replace(given, market=given.market.clear()))
    table.update(board.view())
    expected = read(settings, OPPORTUNITIES)
    assert expected.height > 30
    found = table.frame().sort(KEY)
    assert_frame_equal(found, expected.sort(KEY), rel_tol=1e-12, abs_tol=1e-15)
