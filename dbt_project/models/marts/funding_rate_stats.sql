with settled as (
    select
        venue,
        venue_symbol,
        period,
        count(*) as settlements,
        coalesce(sum(missing), 0)::bigint as missing,
        count(*) - count(rate_8h) as unscaled,
        {{ distribution() }},
        min(funding_time) as first_funding_time,
        max(funding_time) as last_funding_time
    from {{ ref('int_sampled_settlements') }}
    group by venue, venue_symbol, period
)

select
    venue,
    venue_symbol,
    instruments.base,
    period,
    periods.as_of,
    coalesce(settled.settlements, 0) as settlements,
    coalesce(settled.settlements, 0)
    + coalesce(settled.missing, 0)
    + coalesce(overdue.overdue, 0) as expected,
    coalesce(settled.unscaled, 0) as unscaled,
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
    settled.first_funding_time,
    settled.last_funding_time
from settled
-- An instrument that should have settled and did not has its row too.
full join {{ ref('int_overdue_settlements') }} as overdue using (venue, venue_symbol, period)
inner join {{ ref('int_statistics_periods') }} as periods using (period)
left join {{ ref('stg_instruments') }} as instruments using (venue, venue_symbol)
