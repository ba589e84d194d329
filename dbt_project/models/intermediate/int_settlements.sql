-- A gap of g hours before a settlement with interval i hides round(g / i) - 1 settlements.
select
    venue,
    venue_symbol,
    funding_time,
    funding_rate,
    interval_hours,
    rate_8h,
    lag(funding_time) over one_instrument as previous_time,
    lag(rate_8h) over one_instrument as previous_rate_8h,
    (epoch_us(funding_time) - epoch_us(previous_time)) / 3.6e9 as gap_hours,
    case
        when gap_hours < 1.5 * interval_hours then 0
        when gap_hours >= 1.5 * interval_hours then round(gap_hours / interval_hours)::bigint - 1
    end as missing_before
from {{ ref('stg_funding_rates') }}
window one_instrument as (partition by venue, venue_symbol order by funding_time)
