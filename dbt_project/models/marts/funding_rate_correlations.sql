with periods as (
    select *
    from {{ ref('int_statistics_periods') }}
    where period in ('7d', '30d', '90d')
),

recent as (
    select *
    from {{ ref('stg_funding_rates') }}
    where
        funding_time > (select min(starts_at) from periods)
        and funding_time <= (select max(as_of) from periods)
),

-- Windows that were settled whole, once for each period that they lie in.
windows as (
    select
        instruments.base,
        venue,
        venue_symbol,
        periods.period,
        resampled.bucket_end,
        -- Eight shares of an eighth miss the whole by a rounding error: equal rates must be equal.
        round(resampled.funding_rate, 12) as funding_rate
    from ({{ resampled('recent', 8) }}) as resampled
    inner join {{ ref('stg_instruments') }} as instruments using (venue, venue_symbol)
    inner join periods
        on
            resampled.bucket_end - interval 8 hour >= periods.starts_at
            and resampled.bucket_end <= periods.as_of
    where resampled.covered_hours >= 8
)

select
    one.base,
    one.venue as venue_1,
    one.venue_symbol as symbol_1,
    other.venue as venue_2,
    other.venue_symbol as symbol_2,
    one.period,
    any_value(periods.as_of) as as_of,
    count(*) as windows,
    {{ correlation('one.funding_rate', 'other.funding_rate') }} as correlation,
    avg(one.funding_rate - other.funding_rate) as mean_difference_8h,
    avg((one.funding_rate > other.funding_rate)::int) as share_higher
from windows as one
inner join windows as other
    on
        one.base = other.base
        and one.period = other.period
        and one.bucket_end = other.bucket_end
        and one.venue < other.venue
inner join periods on one.period = periods.period
group by one.base, one.venue, one.venue_symbol, other.venue, other.venue_symbol, one.period
