-- A gap of g hours before a settlement with interval i hides round(g / i) - 1 settlements. Between two
-- listings of one ticker there is no gap: which one a settlement is of follows from its time.
with listed as (
    select
        rates.*,
        {{ listing_of('rates.funding_time') }} as listing,
        coalesce(len(known.begins), 0) as newest_listing
    from {{ ref('stg_funding_rates') }} as rates
    left join {{ ref('int_listings_known') }} as known
        on rates.venue = known.venue and rates.venue_symbol = known.venue_symbol
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
    {{ hours_between('previous_time', 'funding_time') }} as gap_hours,
    {{ missing_in('gap_hours', 'interval_hours') }} as missing_before
from listed
window one_instrument as (partition by venue, venue_symbol, listing order by funding_time)
