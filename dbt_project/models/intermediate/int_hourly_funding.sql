-- Each hour of the last 7 days carries its share of the settlement that pays for it. Counted in
-- whole 1e-12, funding that is equal is equal, however it was shared out.
with week as (
    select starts_at, as_of
    from {{ ref('int_statistics_periods') }}
    where period = '7d'
),

settled as (
    select *
    from {{ ref('int_current_funding_rates') }}
    where
        funding_time > (select starts_at from week)
        and funding_time <= (select as_of from week)
),

hourly as (
    select
        legs.leg,
        resampled.bucket_end as hour,
        round(resampled.funding_rate * 1e12)::bigint as funding_e12
    from ({{ resampled('settled', 1) }}) as resampled
    inner join {{ ref('int_opportunity_legs') }} as legs
        on resampled.venue = legs.venue and resampled.venue_symbol = legs.symbol
    where
        resampled.covered_hours >= 1
        and resampled.bucket_end > (select starts_at from week)
)

select
    leg,
    hour,
    funding_e12,
    case
        when lag(hour) over one_leg = hour - interval 1 hour then lag(funding_e12) over one_leg
    end as previous_funding_e12
from hourly
window one_leg as (partition by leg order by hour)
