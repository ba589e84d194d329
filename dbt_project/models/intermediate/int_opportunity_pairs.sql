-- Each pair once: long the lower rate. Names decide where rates are equal or one is unknown.
select
    long.base,
    long,
    short,
    short.rate_8h - long.rate_8h as divergence_8h,
    {{ price_gap_bps(short_price='short.mark_price', long_price='long.mark_price') }} as price_gap_bps,
    least(long.observed_at, short.observed_at) as observed_at
from {{ ref('int_opportunity_legs') }} as long
inner join {{ ref('int_opportunity_legs') }} as short
    on
        {{ same_asset('long', 'short') }}
        and long.venue <> short.venue
        and case
            when long.rate_8h <> short.rate_8h then long.rate_8h < short.rate_8h
            else long.venue < short.venue
        end
