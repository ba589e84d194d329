with settled as (
    select * replace (coalesce(venue, 'all venues') as venue)
    from {{ ref('int_rate_distributions') }}
    where venue_symbol is null
),

-- Instruments that should have settled and did not count here too.
counted as (
    select
        coalesce(venue, 'all venues') as venue,
        period,
        as_of,
        count(*) as instruments,
        sum(settlements)::bigint as settlements,
        sum(expected)::bigint as expected,
        sum(unscaled)::bigint as unscaled
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
    settled.median_8h,
    settled.sigma_8h,
    settled.min_8h,
    settled.quartile_1_8h,
    settled.quartile_3_8h,
    settled.max_8h,
    settled.volatility,
    settled.mean_apr,
    settled.share_positive,
    settled.share_at_default,
    settled.autocorrelation,
    settled.first_funding_time,
    settled.last_funding_time
from counted
left join settled using (venue, period)
