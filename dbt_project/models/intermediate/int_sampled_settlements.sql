-- A settlement is a row of every period that it lies in, but of `all`: that is added up of months. Where
-- the periods end earlier than the lake does, months cannot tell.
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
    {{ at_default('settlements', 'defaults') }} as at_default,
    settlements.missing_before = 0
    and settlements.previous_rate_8h is not null
    and settlements.previous_time > periods.starts_at as follows,
    case when follows then settlements.rate_8h end as following_rate_8h,
    case when follows then settlements.previous_rate_8h end as followed_rate_8h
{% if as_of_now() -%}
from {{ ref('int_recent_settlements') }} as settlements
{%- else -%}
from {{ ref('int_settlements') }} as settlements
{%- endif %}
inner join {{ ref('int_statistics_periods') }} as periods
    on
        settlements.funding_time > periods.starts_at
        and settlements.funding_time <= periods.as_of
{{ beside_defaults('settlements', 'defaults') }}
where
    not coalesce(settlements.of_earlier_listing, false)
    {%- if as_of_now() %}
    and periods.period <> 'all'
    {%- endif %}
