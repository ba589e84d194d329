-- A period is complete when its settlements pay for it from end to end: the first begins before it
-- does, their intervals add up to the time between, and the next one may still come.
with periods as (
    select *
    from {{ ref('int_statistics_periods') }}
    where period in ('7d', '30d')
),

settled as (
    select
        legs.leg,
        periods.period,
        any_value(periods.starts_at) as starts_at,
        any_value(periods.as_of) as as_of,
        sum(settled.funding_rate) as funding,
        min(settled.funding_time) as first_time,
        max(settled.funding_time) as last_time,
        arg_min(settled.interval_hours, settled.funding_time) as first_hours,
        -- A venue that states a longer interval now has changed it since.
        greatest(
            arg_max(settled.interval_hours, settled.funding_time), any_value(legs.interval_hours)
        ) as next_hours,
        case when count(settled.interval_hours) = count(*) then sum(settled.interval_hours) end
            as paid_hours,
        min(settled.interval_hours) as shortest_hours
    from {{ ref('int_current_funding_rates') }} as settled
    inner join {{ ref('int_opportunity_legs') }} as legs
        on settled.venue = legs.venue and settled.venue_symbol = legs.symbol
    inner join periods
        on settled.funding_time > periods.starts_at and settled.funding_time <= periods.as_of
    -- For the lake, which looks into no file that lies outside of the bounds.
    where
        settled.funding_time > (select min(starts_at) from periods)
        and settled.funding_time <= (select max(as_of) from periods)
    group by legs.leg, periods.period
),

whole as (
    select leg, period, funding
    from settled
    where
        first_time - to_seconds(3600 * first_hours) <= starts_at + to_milliseconds({{ lateness_ms() }})
        and abs(paid_hours - first_hours - (epoch_us(last_time) - epoch_us(first_time)) / 3.6e9)
        < shortest_hours / 2
        and last_time + to_seconds(3600 * next_hours) > as_of - to_milliseconds({{ lateness_ms() }})
)

select
    leg,
    max(funding) filter (where period = '7d') as settled_7d,
    max(funding) filter (where period = '30d') as settled_30d
from whole
group by leg
