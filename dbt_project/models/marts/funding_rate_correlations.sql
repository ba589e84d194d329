-- Ten million pairs of windows are matched and counted: small numbers stand for the names of what
-- they belong to, which takes less than half the time.

with periods as (
    select *, row_number() over (order by period) as period_number
    from {{ ref('int_statistics_periods') }}
    where period in ('7d', '30d', '90d')
),

instruments as (
    select
        base,
        asset_class,
        venue,
        venue_symbol,
        row_number() over (order by venue, venue_symbol) as instrument_number,
        dense_rank() over (order by venue) as venue_number,
        dense_rank() over (order by {{ asset('base', 'asset_class') }}) as asset_number
    from {{ ref('stg_instruments') }}
    where {{ asset('base', 'asset_class') }} is not null
),

recent as (
    select *
    from {{ ref('int_current_funding_rates') }}
    where
        funding_time > (select min(starts_at) from periods)
        and funding_time <= (select max(as_of) from periods)
),

-- Windows that were settled whole, once for each period that they lie in.
windows as materialized (
    select
        instruments.instrument_number,
        instruments.venue_number,
        instruments.asset_number,
        periods.period_number,
        resampled.bucket_end,
        -- Eight shares of an eighth miss the whole by a rounding error: equal rates must be equal.
        round(resampled.funding_rate, 12) as funding_rate
    from ({{ resampled('recent', 8) }}) as resampled
    inner join instruments using (venue, venue_symbol)
    inner join periods
        on
            resampled.bucket_end - interval 8 hour >= periods.starts_at
            and resampled.bucket_end <= periods.as_of
    where resampled.covered_hours >= 8
),

compared as (
    select
        one.instrument_number as number_1,
        other.instrument_number as number_2,
        one.period_number,
        count(*) as windows,
        {{ correlation('one.funding_rate', 'other.funding_rate') }} as correlation,
        avg(one.funding_rate - other.funding_rate) as mean_difference_8h,
        avg((one.funding_rate > other.funding_rate)::int) as share_higher
    from windows as one
    inner join windows as other
        on
            one.asset_number = other.asset_number
            and one.period_number = other.period_number
            and one.bucket_end = other.bucket_end
            and one.venue_number < other.venue_number
    group by one.instrument_number, other.instrument_number, one.period_number
)

select
    one.base,
    one.venue as venue_1,
    one.venue_symbol as symbol_1,
    other.venue as venue_2,
    other.venue_symbol as symbol_2,
    periods.period,
    periods.as_of,
    compared.windows,
    compared.correlation,
    compared.mean_difference_8h,
    compared.share_higher
from compared
inner join instruments as one on compared.number_1 = one.instrument_number
inner join instruments as other on compared.number_2 = other.instrument_number
inner join periods using (period_number)
