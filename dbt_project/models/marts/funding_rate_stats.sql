with settled as (
    select *
    from {{ ref('int_rate_distributions') }}
    where venue_symbol is not null
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
    + coalesce(overdue.overdue, 0)
    - coalesce(paused.paused, 0) as expected,
    coalesce(settled.unscaled, 0) as unscaled,
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
from settled
-- An instrument that should have settled and did not has its row too.
full join {{ ref('int_overdue_settlements') }} as overdue using (venue, venue_symbol, period)
left join {{ ref('int_paused_settlements') }} as paused using (venue, venue_symbol, period)
inner join {{ ref('int_statistics_periods') }} as periods using (period)
left join {{ ref('stg_instruments') }} as instruments using (venue, venue_symbol)
