-- How the pairs of today would have done: long and short as they are now, at settled rates.
with pairs as (
    select
        long.leg as long_leg,
        short.leg as short_leg
    from {{ ref('int_opportunity_pairs') }}
),

hourly as materialized (
    select * from {{ ref('int_hourly_funding') }}
),

-- On its own, for a plan of both joins at once may begin with every leg beside every other.
long_hours as materialized (
    select
        pairs.*,
        hourly.* exclude (leg)
    from pairs
    inner join hourly on pairs.long_leg = hourly.leg
),

divergences as (
    select
        long_leg,
        short_leg,
        short_hours.funding_e12 - long_hours.funding_e12 as divergence,
        case
            {% for lag in var('half_life_lags') %}
            when greatest(long_hours.paid_hours, short_hours.paid_hours) <= {{ lag }} then {{ lag }}
            {% endfor %}
        end as lag_hours,
        case lag_hours
            {% for lag in var('half_life_lags') %}
            when {{ lag }}
                then short_hours.funding_e12_{{ lag }}h_before - long_hours.funding_e12_{{ lag }}h_before
            {% endfor %}
        end as previous_divergence,
        case when previous_divergence is not null then divergence end as following_divergence
    from long_hours
    inner join hourly as short_hours
        on long_hours.short_leg = short_hours.leg and long_hours.hour = short_hours.hour
),

persistence as (
    select
        long_leg,
        short_leg,
        avg((divergence > 0)::int) as same_sign_share,
        any_value(lag_hours) as lag_hours,
        count(previous_divergence) / any_value(lag_hours) as pairs,
        case
            when
                count(previous_divergence) >= {{ var('half_life_min_hours') }}
                and min(previous_divergence) < max(previous_divergence)
                then regr_slope(following_divergence, previous_divergence)
        end as slope
    from divergences
    group by long_leg, short_leg
)

select
    long_leg,
    short_leg,
    short_past.settled_7d - long_past.settled_7d as settled_7d,
    short_past.settled_30d - long_past.settled_30d as settled_30d,
    persistence.same_sign_share,
    {{ half_life_hours('persistence.slope', 'persistence.pairs', 'persistence.lag_hours') }}
        as half_life_hours
from pairs
left join persistence using (long_leg, short_leg)
left join {{ ref('int_settled_funding') }} as long_past on pairs.long_leg = long_past.leg
left join {{ ref('int_settled_funding') }} as short_past on pairs.short_leg = short_past.leg
