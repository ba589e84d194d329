"""One copy of a provider's data for several processes."""

import pickle
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.results.run_row import run_figures
from funding_platform.backtest.search.parameters import SweepPlan
from funding_platform.backtest.search.sweeps import sweep
from funding_platform.core.system.shards import Spread
from funding_platform.flows.backtests.sharing import SharedData, shared
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform_tests.backtest.markets import HOUR, START, config, drawn_market

CARRY = CrossVenueCarry(horizon_hours=48, entry_threshold=1e-4)


@dataclass(frozen=True, slots=True)
class Opener:
    """Runs configurations over shared data."""

    data: SharedData

    def __call__(self) -> Callable[[BacktestConfig], Mapping[str, Any]]:
        provider = self.data()
        return lambda one: run_figures(run_backtest(one, provider))


@pytest.fixture(scope="module")
def provider() -> FundingDataProvider:
    return FundingDataProvider.from_frames(drawn_market(5))


def test_what_is_opened_is_what_was_shared(provider: FundingDataProvider) -> None:
    setting = config(240, strategy=CARRY)
    with shared(provider) as data:
        again = pickle.loads(pickle.dumps(data))()
        assert again.fingerprint == provider.fingerprint
        assert again.instruments.equals(provider.instruments)
        theirs, ours = run_backtest(setting, again), run_backtest(setting, provider)
        assert theirs.trades.height > 4
        assert theirs.ledger.equals(ours.ledger)
        narrow = again.load_data(START, START + 24 * HOUR, venues=["venue0", "venue1"])
        assert narrow.instruments["venue"].unique().len() == 2


def test_numbers_are_views_of_the_files_and_not_copies(provider: FundingDataProvider) -> None:
    with shared(provider) as data:
        settlements = data().panel.settlements
        assert not settlements.rate.flags.owndata
        assert not settlements.rate.flags.writeable


def test_what_is_shared_is_not_kept_in_memory_as_well() -> None:
    held = [FundingDataProvider.from_frames(drawn_market(5))]
    seen = weakref.ref(held[0])
    with shared(held.pop()) as data:
        assert seen() is None
        assert data().instruments.height > 4


def test_the_files_are_gone_afterwards(provider: FundingDataProvider) -> None:
    with shared(provider) as data:
        assert data.folder.is_dir()
    assert not data.folder.exists()
    with pytest.raises(FileNotFoundError):
        data()


@pytest.mark.world
def test_a_sweep_over_shared_data_is_the_same_on_one_process_and_on_two(
    provider: FundingDataProvider,
) -> None:
    setting = config(240, strategy=CARRY)
    points = SweepPlan(axes={"strategy.horizon_hours": (24.0, 48.0, 72.0)}).points()
    with shared(provider) as data:
        one, two = (
            [
                dict(trial.figures)
                for trial in sweep(setting, points, Opener(data), spread=Spread(workers=count))
            ]
            for count in (1, 2)
        )
    assert one == two
    assert len({figures["net_pnl_usd"] for figures in one}) == 3
