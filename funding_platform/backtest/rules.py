"""A configuration as the kernel reads it: numbers, with the fees of every venue at every time."""

import math
from collections.abc import Collection, Iterable, Sequence
from itertools import chain

import numpy as np

from funding_platform.arbitrage.costs import BPS, FeeHistory
from funding_platform.backtest.books import IMPACT_MODELS, NEVER, Rules
from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.data.panel import Panel
from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.errors import DataError, UnknownInstrumentError
from funding_platform.backtest.sections import Margin
from funding_platform.core.arrays import Floats, Ints
from funding_platform.core.time_grid import HOUR_US, to_us
from funding_platform.core.validation_errors import did_you_mean


def fees_of(config: BacktestConfig, data: FundingDataProvider) -> FeeHistory:
    """Collect the fees of the venues in the order of their numbers.

    Raises
    ------
    DataError
        If a venue's fees are unknown at the start, or a tier is chosen on a venue that neither the
        data nor the fee schedules know.
    """
    venues = data.venues
    if config.costs.flat_fee_bps is not None:
        return FeeHistory.flat(venues, config.costs.flat_fee_bps)
    costs = config.costs
    _require_known_venues("costs.tiers", costs.tiers, {*venues, *data.fees["venue"]})
    fees = FeeHistory.of(data.fees, venues, costs.order_type, costs.tiers, costs.tier)
    start = to_us(config.window[0])
    for venue in venues:
        if fees.at(venue, start) is None:
            tier = costs.tiers.get(venue, costs.tier)
            raise DataError(
                f"no {costs.order_type} fee of {venue} is known at {config.start} (tier {tier!r})",
                hint="add it to the fee schedules, or set costs.flat_fee_bps",
            )
    return fees


def _require_known_venues(field: str, named: Iterable[str], known: Collection[str]) -> None:
    """Refuse what would apply to nothing: most likely its venue is misspelt."""
    for venue in named:
        if venue not in known:
            raise UnknownInstrumentError(
                f"{field}: no venue {venue!r} in the data or the fee schedules"
                f"{did_you_mean(venue, sorted(known))}",
                hint=f"they have {', '.join(sorted(known))}",
            )


def rules_of(config: BacktestConfig, fees: FeeHistory, panel: Panel) -> Rules:
    """Write the configuration as the kernel reads it, over the instruments of a panel."""
    slippage, margin = config.costs.slippage, config.margin
    _require_known_venues("margin.tiers", margin.tiers, fees.venues)
    _require_known_venues("margin.cross_venues", margin.cross_venues, fees.venues)
    first, tiers = _tiers(margin, fees.venues)
    return Rules(
        fee_first=fees.first,
        fee_since_us=fees.since_us,
        fee_bps=fees.fee_bps,
        half_spread=config.costs.half_spread_bps * BPS,
        impact_model=IMPACT_MODELS.index(slippage.impact),
        bps_per_million=slippage.bps_per_million,
        depth_share=slippage.depth_share,
        borrow_apr=config.costs.borrow_apr,
        transfer_usd=config.costs.transfer_usd,
        transfer_us=round(config.costs.transfer_hours * HOUR_US),
        leverage=margin.leverage,
        tier_first=first,
        tier_from=tiers[0],
        tier_rate=tiers[1],
        tier_amount=tiers[2],
        cross=np.array([venue in margin.cross_venues for venue in fees.venues], dtype=np.bool_),
        penalty_rate=margin.liquidation_penalty_rate,
        rebalance_threshold=math.inf
        if margin.rebalance_threshold is None
        else margin.rebalance_threshold,
        capital_usd=config.capital_usd,
        max_venue_usd=math.inf if config.max_venue_usd is None else config.max_venue_usd,
        stale_us=config.outages.stale_us,
        price_age_us=round(config.max_price_age_hours * HOUR_US),
        price_gap_bps=math.inf if config.max_price_gap_bps is None else config.max_price_gap_bps,
        stops_us=_delistings(config, panel),
    )


def _tiers(margin: Margin, venues: Sequence[str]) -> tuple[Ints, Floats]:
    """Where each venue's tiers begin; and of each tier its least notional, rate and amount."""
    rows = [margin.tier_rows(venue) for venue in venues]
    first = np.cumsum([0, *map(len, rows)])
    return first, np.array(list(chain(*rows)), dtype=np.float64).reshape(-1, 3).T.copy()


def _delistings(config: BacktestConfig, panel: Panel) -> Ints:
    """When each instrument is delisted: its last settlement or price, if so long before the end.

    That is hindsight, and the only one of a run: an exchange announces it days ahead, and the data
    does not say when.
    """
    last = np.full(len(panel.facts.base), NEVER)
    if config.outages.when_stale == "freeze":
        return last
    for series in (panel.settlements, panel.prices):
        begin, end = series.first[:-1], series.first[1:]
        some = end > begin
        times = series.time_us[end[some] - 1]
        last[some] = np.where(last[some] == NEVER, times, np.maximum(last[some], times))
    gone = to_us(config.window[1]) - last > config.outages.delisted_us
    return np.where(gone, last, NEVER)
