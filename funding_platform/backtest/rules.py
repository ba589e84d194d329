"""A configuration as the kernel reads it: numbers, with the fees of every venue at every time."""

import math
from collections.abc import Collection, Iterable

from funding_platform.arbitrage.costs import BPS, FeeHistory
from funding_platform.backtest.books import IMPACT_MODELS, Rules
from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.errors import DataError, UnknownInstrumentError
from funding_platform.core.time_grid import to_us
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
    _require_known_venues(costs.tiers, {*venues, *data.fees["venue"]})
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


def _require_known_venues(tiers: Iterable[str], known: Collection[str]) -> None:
    """Refuse a tier that would apply to nothing: most likely its venue is misspelt."""
    for venue in tiers:
        if venue not in known:
            raise UnknownInstrumentError(
                f"costs.tiers: no venue {venue!r} in the data or the fee schedules"
                f"{did_you_mean(venue, sorted(known))}",
                hint=f"they have {', '.join(sorted(known))}",
            )


def rules_of(config: BacktestConfig, fees: FeeHistory) -> Rules:
    """Write the configuration as the kernel reads it."""
    slippage, margin = config.costs.slippage, config.margin
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
        leverage=margin.leverage,
        maintenance_rate=margin.maintenance_rate,
        penalty_rate=margin.liquidation_penalty_rate,
        rebalance_threshold=math.inf
        if margin.rebalance_threshold is None
        else margin.rebalance_threshold,
        capital_usd=config.capital_usd,
        max_venue_usd=math.inf if config.max_venue_usd is None else config.max_venue_usd,
        stale_us=config.outages.stale_us,
    )
