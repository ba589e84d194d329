-- The first settlement of a month follows the last one of the month before it that has any.
select
    *,
    lag(last_funding_time) over one_listing as previous_time,
    lag(last_rate_8h) over one_listing as previous_rate_8h,
    {{ hours_between('previous_time', 'first_funding_time') }} as gap_hours,
    {{ missing_in('gap_hours', 'first_interval_hours') }} as missing_before
from {{ ref('settlement_months') }}
window one_listing as (partition by venue, venue_symbol, listing order by month)
