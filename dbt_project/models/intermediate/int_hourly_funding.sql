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
),

-- Within the hours that one settlement pays for, funding is alike because it was shared out.
paid as (
    select
        legs.leg,
        max(greatest(round(settled.interval_hours)::bigint, 1)) as paid_hours
    from settled
    inner join {{ ref('int_opportunity_legs') }} as legs
        on settled.venue = legs.venue and settled.venue_symbol = legs.symbol
    group by legs.leg
)

select
    hourly.leg,
    hourly.hour,
    hourly.funding_e12,
    paid.paid_hours,
    {% for lag in var('half_life_lags') %}
    max(hourly.funding_e12) over (
        partition by hourly.leg
        order by hourly.hour
        range between interval {{ lag }} hour preceding and interval {{ lag }} hour preceding
    ) as funding_e12_{{ lag }}h_before{{ ',' if not loop.last }}
    {% endfor %}
from hourly
inner join paid on hourly.leg = paid.leg
