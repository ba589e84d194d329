with settled as (
    select
        coalesce(venue, 'all venues') as venue,
        period,
        {{ distribution() }}
    from {{ ref('int_sampled_settlements') }}
    group by grouping sets ((venue, period), (period))
),

counted as (
    select
        coalesce(venue, 'all venues') as venue,
        period,
        as_of,
        count(*) as instruments,
        sum(settlements)::bigint as settlements,
        sum(expected)::bigint as expected,
        sum(unscaled)::bigint as unscaled,
        min(first_funding_time) as first_funding_time,
        max(last_funding_time) as last_funding_time
    from {{ ref('funding_rate_stats') }}
    group by grouping sets ((venue, period, as_of), (period, as_of))
)

select
    venue,
    period,
    counted.as_of,
    counted.instruments,
    counted.settlements,
    counted.expected,
    counted.unscaled,
    settled.mean_8h,
    settled.quartiles[2] as median_8h,
    settled.sigma_8h,
    settled.min_8h,
    settled.quartiles[1] as quartile_1_8h,
    settled.quartiles[3] as quartile_3_8h,
    settled.max_8h,
    settled.volatility,
    settled.mean_apr,
    settled.share_positive,
    settled.share_at_default,
    settled.autocorrelation,
    counted.first_funding_time,
    counted.last_funding_time
from counted
left join settled using (venue, period)
