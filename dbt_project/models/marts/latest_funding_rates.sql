-- The last settlement of a ticker is that of its last month.
with last_settled as (
    select
        venue,
        venue_symbol,
        last_funding_time as funding_time,
        last_rate as funding_rate,
        last_interval_hours as interval_hours,
        last_rate_8h as rate_8h,
        {{ apr('last_rate', 'last_interval_hours') }} as apr
    from {{ ref('settlement_months') }}
    where not of_earlier_listing
    qualify row_number() over (partition by venue, venue_symbol order by month desc) = 1
),

last_seen as (
    select market.*
    from {{ ref('stg_market_snapshots') }} as market
    left join {{ ref('int_current_listings') }} as listings using (venue, venue_symbol)
    where listings.since is null or market.observed_at >= listings.since
)

select
    instruments.venue,
    instruments.venue_symbol,
    instruments.base,
    instruments.quote,
    instruments.contract_type,
    instruments.multiplier,
    instruments.asset_class,
    instruments.status,
    settled.funding_time as settled_time,
    settled.funding_rate as settled_rate,
    settled.interval_hours as settled_interval_hours,
    settled.rate_8h as settled_rate_8h,
    settled.apr as settled_apr,
    market.predicted_rate,
    market.interval_hours as predicted_interval_hours,
    market.predicted_rate_8h,
    market.predicted_apr,
    market.next_funding_time,
    market.mark_price / instruments.multiplier as mark_price,
    market.index_price / instruments.multiplier as index_price,
    market.open_interest_usd,
    market.volume_24h_usd,
    market.spread_bps,
    market.observed_at
from {{ ref('stg_instruments') }} as instruments
left join last_settled as settled using (venue, venue_symbol)
left join last_seen as market using (venue, venue_symbol)
