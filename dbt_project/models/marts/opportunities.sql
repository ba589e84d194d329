with legs as (
    select *
    from {{ ref('latest_funding_rates') }}
    where
        status = 'trading'
        and quote in {{ var('usd_quotes') }}
        and predicted_rate_8h is not null
        -- "stale" is measured from the newest observation, not from the clock, so that a
        -- replayed lake gives the same answer at any time.
        and observed_at >= (
            select max(observed_at) - to_hours({{ var('stale_after_hours') }})
            from {{ ref('latest_funding_rates') }}
        )
),

pairs as (
    select
        long.base,
        long.venue as long_venue,
        long.venue_symbol as long_symbol,
        short.venue as short_venue,
        short.venue_symbol as short_symbol,
        long.predicted_rate_8h as long_rate_8h,
        short.predicted_rate_8h as short_rate_8h,
        long.predicted_interval_hours as long_interval_hours,
        short.predicted_interval_hours as short_interval_hours,
        short.predicted_rate_8h - long.predicted_rate_8h as divergence_8h,
        -- A pair is opened by one taker order per leg and closed by another.
        long_fees.taker_bps as long_open_fee_bps,
        long_fees.taker_bps as long_close_fee_bps,
        short_fees.taker_bps as short_open_fee_bps,
        short_fees.taker_bps as short_close_fee_bps,
        {{ var('horizon_hours') }}::double as horizon_hours,
        (short.mark_price / nullif(long.mark_price, 0) - 1) * 1e4 as price_gap_bps,
        {{ smaller('long.open_interest_usd', 'short.open_interest_usd') }} as min_open_interest_usd,
        {{ smaller('long.volume_24h_usd', 'short.volume_24h_usd') }} as min_volume_24h_usd,
        long.next_funding_time as long_next_funding_time,
        short.next_funding_time as short_next_funding_time,
        least(long.observed_at, short.observed_at) as observed_at
    from legs as long
    -- Ordering the legs by rate, and by name where rates are equal, keeps one of the two ways
    -- round.
    inner join legs as short
        on
            long.base = short.base
            and long.venue <> short.venue
            and (long.predicted_rate_8h, long.venue) < (short.predicted_rate_8h, short.venue)
    left join {{ ref('stg_fee_schedules') }} as long_fees on long.venue = long_fees.venue
    left join {{ ref('stg_fee_schedules') }} as short_fees on short.venue = short_fees.venue
),

costed as (
    select
        *,
        long_open_fee_bps + long_close_fee_bps + short_open_fee_bps + short_close_fee_bps
            as fees_bps,
        divergence_8h * horizon_hours / 8 - fees_bps / 1e4 as net_return
    from pairs
)

select
    base,
    long_venue,
    long_symbol,
    short_venue,
    short_symbol,
    long_rate_8h,
    short_rate_8h,
    long_interval_hours,
    short_interval_hours,
    divergence_8h,
    {{ apr('divergence_8h', 8) }} as gross_apr,
    long_open_fee_bps,
    long_close_fee_bps,
    short_open_fee_bps,
    short_close_fee_bps,
    fees_bps,
    horizon_hours,
    net_return,
    {{ apr('net_return', 'horizon_hours') }} as net_apr,
    fees_bps / 1e4 * 8 / nullif(divergence_8h, 0) as break_even_hours,
    price_gap_bps,
    min_open_interest_usd,
    min_volume_24h_usd,
    long_next_funding_time,
    short_next_funding_time,
    observed_at
from costed
