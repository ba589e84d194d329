-- A settlement is a row of every period that it lies in.
select
    settlements.venue,
    settlements.venue_symbol,
    periods.period,
    settlements.funding_time,
    settlements.funding_rate,
    settlements.interval_hours,
    settlements.rate_8h,
    -- Of those missing before it, the ones that were due in the period.
    case
        when settlements.missing_before = 0 then 0
        when settlements.missing_before > 0
            then least(
                settlements.missing_before,
                ceil(
                    (epoch_us(settlements.funding_time) - epoch_us(periods.starts_at))
                    / (settlements.interval_hours * 3.6e9)
                )::bigint - 1
            )
    end as missing,
    abs(
        settlements.funding_rate - defaults.default_rate_8h * settlements.interval_hours / 8
    ) <= defaults.tolerance + 1e-12 as at_default,
    settlements.missing_before = 0
    and settlements.previous_rate_8h is not null
    and settlements.previous_time > periods.starts_at as follows,
    case when follows then settlements.rate_8h end as following_rate_8h,
    case when follows then settlements.previous_rate_8h end as followed_rate_8h
from {{ ref('int_settlements') }} as settlements
inner join {{ ref('int_statistics_periods') }} as periods
    on
        settlements.funding_time > periods.starts_at
        and settlements.funding_time <= periods.as_of
left join {{ ref('stg_default_funding_rates') }} as defaults
    on
        settlements.venue = defaults.venue
        and settlements.funding_time >= defaults.effective_from
        and settlements.funding_time < defaults.effective_until
where not coalesce(settlements.of_earlier_listing, false)
