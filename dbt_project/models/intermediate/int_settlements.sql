-- A gap of g hours before a settlement with interval i hides round(g / i) - 1 settlements. Between two
-- listings of one ticker there is no gap: which one a settlement is of follows from its time.
with borders as (
    select
        venue,
        venue_symbol,
        list(since) as begins
    from {{ ref('int_listing_starts') }}
    group by venue, venue_symbol
),

listed as (
    select
        rates.*,
        coalesce(len(list_filter(borders.begins, begin -> begin <= rates.funding_time)), 0) as listing,
        coalesce(len(borders.begins), 0) as newest_listing
    from {{ ref('stg_funding_rates') }} as rates
    left join borders
        on rates.venue = borders.venue and rates.venue_symbol = borders.venue_symbol
)

select
    venue,
    venue_symbol,
    funding_time,
    funding_rate,
    interval_hours,
    rate_8h,
    listing < newest_listing as of_earlier_listing,
    lag(funding_time) over one_instrument as previous_time,
    lag(rate_8h) over one_instrument as previous_rate_8h,
    (epoch_us(funding_time) - epoch_us(previous_time)) / 3.6e9 as gap_hours,
    case
        when gap_hours < 1.5 * interval_hours then 0
        when gap_hours >= 1.5 * interval_hours then round(gap_hours / interval_hours)::bigint - 1
    end as missing_before
from listed
window one_instrument as (partition by venue, venue_symbol, listing order by funding_time)
