"""Instruments of one base and two classes are on two assets: no strategy pairs them."""

import polars as pl
import pytest

from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.errors import NoOverlapError
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform_tests.backtest.markets import HOUR, START, config, funding_frame, settlement


def market(*classes: str | None) -> FundingDataProvider:
    """META on two venues at one price: the first pays, the second does not."""
    rows = [
        settlement(venue, hour, rate, 8.0, 100.0, symbol="META", base="META")
        for venue, rate in (("a", 2e-3), ("b", 0.0))
        for hour in range(0, 97, 8)
    ]
    instruments = pl.DataFrame(
        {
            "venue": ["a", "b"],
            "venue_symbol": "META",
            "base": "META",
            "multiplier": 1.0,
            "contract_type": "linear",
            "asset_class": pl.Series(classes, dtype=pl.String),
        }
    )
    return FundingDataProvider.from_frames(funding_frame(rows), instruments)


@pytest.mark.parametrize(
    ("classes", "pairs"),
    [
        (("crypto", "crypto"), True),
        (("crypto", None), True),
        ((None, None), True),
        (("equity", "equity"), True),
        (("equity", "crypto"), False),
        (("equity", None), False),
        (("other", "other"), False),
    ],
)
def test_what_pairs_is_one_asset(classes: tuple[str | None, str | None], *, pairs: bool) -> None:
    setting = config(96, strategy=CrossVenueCarry(horizon_hours=48, entry_threshold=1e-4))
    data = market(*classes)
    if pairs:
        assert run_backtest(setting, data).positions.height > 0
    else:
        with pytest.raises(NoOverlapError, match="no asset has settlements on two venues"):
            run_backtest(setting, data)


def test_a_spread_is_between_contracts_on_one_asset() -> None:
    at = START + 8 * HOUR
    coins = market("crypto", None)
    for spread in (coins.get_spread(at, "b", "a", "META"), coins.get_best_spread(at, "META")):
        assert spread is not None
        assert spread.spread_8h == 2e-3
    two_assets = market("equity", None)
    assert two_assets.get_spread(at, "b", "a", "META") is None
    with pytest.raises(NoOverlapError, match="no two venues have 'META' on one asset"):
        two_assets.get_best_spread(at, "META")
