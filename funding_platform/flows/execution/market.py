"""What a trader sees: the marts of the lake, and the live board where it is fresher."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import duckdb
import polars as pl

from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.arbitrage.opportunities import find_opportunities
from funding_platform.core.market.asset_classes import ASSET_SQL
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.features.curves import CURVE_FACTORS
from funding_platform.core.tables.fees import BASE_TIER, FEE_HISTORY, fees_in_force_at
from funding_platform.core.tables.marts.latest import LATEST_FUNDING_RATES
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.trading.payoffs import TRADED
from funding_platform.execution.config import TradingConfig
from funding_platform.execution.cycle.market import MARKET, RATES, STALE_AFTER
from funding_platform.execution.cycle.sight import Sight
from funding_platform.execution.pair.pairs import InstrumentRef
from funding_platform.flows.errors import NotLiveError
from funding_platform.flows.live.given import mart_limits
from funding_platform.flows.live.latest import BOARD, read_latest
from funding_platform.flows.queries.connection import answer, require_built
from funding_platform.lake import connect
from funding_platform.settings import Settings

LOOK_BACK: Final = timedelta(days=8)
"""How far back settled rates are handed to a strategy: a week, and a day for what is late."""

_WANTED: Final = pl.Schema({name: pl.String() for name in INSTRUMENT_KEY})

_MARKET: Final = f"""
SELECT latest.venue, venue_symbol, base,
    {ASSET_SQL.format(base="base", asset_class="asset_class")} AS asset, contract_type,
    settled_rate AS rate, settled_interval_hours AS interval_hours, mark_price AS price,
    predicted_rate, predicted_interval_hours, next_funding_time, volume_24h_usd,
    fees.taker_bps AS fee_bps,
    greatest(coalesce(spread_bps, $spread_bps), 0) / 2 AS half_spread_bps,
    coalesce(greatest(observed_at, settled_time), observed_at, settled_time) AS seen_at
FROM {LATEST_FUNDING_RATES.full_name} AS latest
JOIN wanted USING (venue, venue_symbol)
LEFT JOIN ({fees_in_force_at("now()")}) AS fees ON fees.venue = latest.venue AND tier = $tier
WHERE contract_type = ANY($traded)
"""
_UNTRADED: Final = f"""
SELECT venue, venue_symbol, contract_type
FROM {LATEST_FUNDING_RATES.full_name} JOIN wanted USING (venue, venue_symbol)
WHERE contract_type <> ALL($traded) ORDER BY venue, venue_symbol
"""
_RATES: Final = f"""
SELECT venue, venue_symbol, funding_time, funding_rate
FROM {FUNDING_RATES.full_name} JOIN wanted USING (venue, venue_symbol)
WHERE funding_time >= $since
"""
_FEATURES: Final = f"""
SELECT * FROM {CURVE_FACTORS.full_name} JOIN wanted USING (venue, venue_symbol)
WHERE kind = 'settled' AND available_at >= $since
QUALIFY row_number() OVER (
    PARTITION BY venue, venue_symbol ORDER BY available_at DESC, as_of DESC
) = 1
"""
_NEWEST: Final = f"SELECT max(observed_at) FROM {OPPORTUNITIES.full_name}"


@dataclass(frozen=True, slots=True)
class LakeMarket:
    """A ``MarketSource`` over the lake that the settings name, and the live collector beside it.

    Rates, fees, costs and opportunities are those of the marts. Marks and predicted rates are those
    of the live board, where a collector runs and has seen the instrument later.
    """

    settings: Settings
    config: TradingConfig

    def look(self, held: Sequence[InstrumentRef]) -> Sight:
        """Read the marts, and lay the live board over them.

        Raises
        ------
        LakeMissingError, NotBuiltError
            If there is no lake, or dbt has not built the marts.
        FilterError
            If the filter names what does not exist.
        """
        with connect(self.settings) as lake:
            for mart in (FEE_HISTORY, OPPORTUNITIES, LATEST_FUNDING_RATES):
                require_built(lake, mart)
            (newest,) = lake.execute(_NEWEST).fetchone() or (None,)
            if newest is None:
                found = OPPORTUNITIES.empty()
            else:
                found = OPPORTUNITIES.typed(find_opportunities(self._filter(), lake))
            lake.register("wanted", _instruments_of(found, held))
            traded = {"traded": list(TRADED)}
            assumed = {"spread_bps": mart_limits().assumed_spread_bps, "tier": BASE_TIER}
            market = answer(lake, MARKET, _MARKET, {**assumed, **traded})
            untraded = lake.execute(_UNTRADED, traded).fetchall()
            now = datetime.now(UTC)
            rates = answer(lake, RATES, _RATES, {"since": now - LOOK_BACK})
            features = _features(lake, now - STALE_AFTER)
        return Sight(
            instruments=self._with_board(market),
            opportunities=found,
            opportunities_at=newest,
            rates=rates,
            features=features,
            untraded={InstrumentRef(venue, symbol): kind for venue, symbol, kind in untraded},
        )

    def _filter(self) -> OpportunityFilter:
        """Narrow the filter to the venues and bases that are traded."""
        wanted, config = self.config.opportunities.filter, self.config
        narrowed = {
            "venues": wanted.venues or config.venues,
            "bases": wanted.bases or config.bases,
        }
        return wanted.model_copy(update=narrowed)

    def _with_board(self, market: pl.DataFrame) -> pl.DataFrame:
        """Take what the live board has seen later; as it is where no collector runs."""
        try:
            latest = read_latest(self.settings, BOARD)
        except NotLiveError:
            return market
        if BOARD not in latest.frames or latest.is_stale(datetime.now(UTC)):
            return market
        return with_board(market, latest.frames[BOARD])


def with_board(market: pl.DataFrame, board: pl.DataFrame) -> pl.DataFrame:
    """Replace what the board has seen later; what it leaves out stays.

    Parameters
    ----------
    market
        Columns of ``MARKET``.
    board
        Cells of instruments: key, ``mark_price`` per unit of the venue's base with ``multiplier``,
        ``predicted_rate``, ``interval_hours``, ``next_funding_time`` and ``observed_at``.
    """
    cells = board.select(
        *INSTRUMENT_KEY,
        (pl.col("mark_price") / pl.col("multiplier")).alias("live_price"),
        pl.col("predicted_rate").alias("live_predicted_rate"),
        pl.col("interval_hours").alias("live_predicted_interval_hours"),
        pl.col("next_funding_time").cast(UTC_TIME).alias("live_next_funding_time"),
        pl.col("observed_at").cast(UTC_TIME).alias("live_seen_at"),
    )
    joined = market.join(cells, on=INSTRUMENT_KEY, how="left", maintain_order="left")
    newer = (pl.col("live_seen_at") > pl.col("seen_at")) | pl.col("seen_at").is_null()
    of_board = ("price", "predicted_rate", "predicted_interval_hours", "next_funding_time")
    return joined.with_columns(
        *(
            pl.when(newer)
            .then(pl.coalesce(f"live_{name}", name))
            .otherwise(pl.col(name))
            .alias(name)
            for name in (*of_board, "seen_at")
        )
    ).select(MARKET.names())


def _instruments_of(found: pl.DataFrame, held: Sequence[InstrumentRef]) -> pl.DataFrame:
    """Name the legs of the opportunities and what is held."""
    legs = [
        found.select(
            pl.col(f"{side}_venue").alias("venue"), pl.col(f"{side}_symbol").alias("venue_symbol")
        )
        for side in ("long", "short")
    ]
    mine = pl.DataFrame([(leg.venue, leg.venue_symbol) for leg in held], _WANTED, orient="row")
    return pl.concat([*legs, mine]).unique()


def _features(lake: duckdb.DuckDBPyConnection, since: datetime) -> pl.DataFrame:
    return answer(lake, CURVE_FACTORS.polars_schema, _FEATURES, {"since": since})
