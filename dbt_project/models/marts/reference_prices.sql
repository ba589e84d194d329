{{ config(materialized='view') }}

-- A venue with several contracts of a base has one voice.
with indices as (
    select
        instruments.base,
        {{ asset('instruments.base', 'instruments.asset_class') }} as asset,
        bars.venue,
        bars.open_time + interval 1 hour as time,
        median(bars.close / instruments.multiplier) as price,
        max(bars.available_at) as available_at
    from {{ ref('stg_price_candles') }} as bars
    inner join {{ ref('stg_instruments') }} as instruments using (venue, venue_symbol)
    where bars.kind = 'index' and {{ is_dollar('instruments.quote') }}
    group by instruments.base, asset, bars.venue, time
)

select
    base,
    asset,
    time,
    median(price) as price,
    list_sort(list(venue)) as sources,
    min(price) as lowest,
    max(price) as highest,
    max(available_at) as available_at
from indices
where asset is not null
group by base, asset, time
