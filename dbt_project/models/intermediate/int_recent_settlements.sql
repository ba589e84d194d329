-- What the periods that end now need of all settlements: those of some months. What came before the
-- first of these is kept of the months.
with bounds as (
    select
        date_trunc('month', min(starts_at)) as first_time,
        max(as_of) as last_time
    from {{ ref('int_statistics_periods') }}
    where period <> 'all'
),

listed as (
    select
        rates.venue,
        rates.venue_symbol,
        rates.funding_time,
        rates.funding_rate,
        rates.interval_hours,
        rates.rate_8h,
        {{ listing_of('rates.funding_time') }} as listing,
        listing < coalesce(len(known.begins), 0) as of_earlier_listing
    from {{ ref('stg_funding_rates') }} as rates
    left join {{ ref('int_listings_known') }} as known
        on rates.venue = known.venue and rates.venue_symbol = known.venue_symbol
    where
        rates.funding_time >= (select first_time from bounds)
        and rates.funding_time <= (select last_time from bounds)
),

neighbours as (
    select
        *,
        lag(funding_time) over one_instrument as time_before,
        lag(rate_8h) over one_instrument as rate_before
    from listed
    window one_instrument as (partition by venue, venue_symbol, listing order by funding_time)
),

before_months as (
    select
        venue,
        venue_symbol,
        listing,
        first_funding_time as funding_time,
        previous_time as time_before_month,
        previous_rate_8h as rate_before_month
    from {{ ref('int_settlement_months') }}
)

select
    venue,
    venue_symbol,
    funding_time,
    funding_rate,
    interval_hours,
    rate_8h,
    of_earlier_listing,
    coalesce(time_before, time_before_month) as previous_time,
    case when time_before is null then rate_before_month else rate_before end as previous_rate_8h,
    {{ hours_between('previous_time', 'funding_time') }} as gap_hours,
    {{ missing_in('gap_hours', 'interval_hours') }} as missing_before
from neighbours
left join before_months using (venue, venue_symbol, listing, funding_time)
