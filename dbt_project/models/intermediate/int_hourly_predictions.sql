-- What was predicted around full hours. Of the streams the spans that end at one and that begin with
-- one: where a rate settles then, only the latter speaks of the next. Snapshots count for the full
-- hour nearest to them.
with told as (
    select
        venue,
        venue_symbol,
        minute_time + to_microseconds((span_seconds * 1e6)::bigint) as seen_at,
        predicted_rate_last as predicted_rate,
        next_funding_time,
        true as of_stream
    from {{ ref('stg_live_rates') }}
    where
        epoch_us(minute_time) % 3600000000 = 0
        or (epoch_us(minute_time) + (span_seconds * 1e6)::bigint) % 3600000000 = 0

    union all

    select
        venue,
        venue_symbol,
        observed_at as seen_at,
        predicted_rate,
        next_funding_time,
        false as of_stream
    from {{ source('core', 'market_snapshots') }}
)

select
    *,
    {{ nearest_hour('seen_at') }} as hour
from told
where predicted_rate is not null
