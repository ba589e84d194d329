-- What was due after the last settlement at t, for as long as the instrument was seen trading: at
-- t + k i for k = 1, 2, ... What may still come is not overdue.
with last_settled as (
    {% if as_of_now() -%}
    select
        venue,
        venue_symbol,
        max(last_funding_time) as last_time,
        arg_max_null(last_interval_hours, last_funding_time) as last_hours
    from {{ ref('settlement_months') }}
    where not of_earlier_listing
    {%- else -%}
    select
        venue,
        venue_symbol,
        max(funding_time) as last_time,
        arg_max_null(interval_hours, funding_time) as last_hours
    from {{ ref('int_current_funding_rates') }}
    where funding_time <= (select max(as_of) from {{ ref('int_statistics_periods') }})
    {%- endif %}
    group by venue, venue_symbol
),

due as (
    select
        settled.venue,
        settled.venue_symbol,
        settled.last_time,
        -- A venue that states a longer interval now has changed it since.
        greatest(settled.last_hours, instruments.interval_hours) * 3.6e9 as step_us,
        instruments.last_seen_at
    from last_settled as settled
    inner join {{ ref('stg_instruments') }} as instruments using (venue, venue_symbol)
    where instruments.status = 'trading'
)

select
    due.venue,
    due.venue_symbol,
    periods.period,
    floor(
        (
            epoch_us(least(due.last_seen_at, periods.as_of) - to_milliseconds({{ lateness_ms() }}))
            - epoch_us(due.last_time)
        )
        / due.step_us
    )::bigint as last_k,
    greatest(
        floor((epoch_us(periods.starts_at) - epoch_us(due.last_time)) / due.step_us)::bigint + 1, 1
    ) as first_k,
    last_k - first_k + 1 as overdue
from due
cross join {{ ref('int_statistics_periods') }} as periods
where due.step_us is not null and last_k >= first_k
