-- depends_on: {{ ref('int_settlement_months') }}
{{ config(meta={'dagster': {'ref': {'name': 'funding_rate_stats'}}}) }}

{%- set test = 'statistics_count_every_settlement' %}
{%- set changed = untested(test, 'funding_time', part='month') if as_of_now() else 'true' %}

-- Every settlement of what is listed now, up to the end of the period is in it, once, and nothing expected is
-- fewer. Of months that stayed as they were, what is kept of them was counted before.
with stored as (
    select venue, venue_symbol, sum(settlements)::bigint as settlements
    from (
        select venue, venue_symbol, count(*) as settlements
        from {{ ref('int_current_funding_rates') }}
        where
            {{ changed }}
            and funding_time <= (select max(as_of) from {{ ref('funding_rate_stats') }})
        group by venue, venue_symbol
        {%- if changed != 'true' %}

        union all

        select venue, venue_symbol, settlements
        from {{ ref('int_settlement_months') }}
        where not of_earlier_listing and not {{ untested(test, 'month', part='month') }}
        {%- endif %}
    )
    group by venue, venue_symbol
),

counted as (
    select venue, venue_symbol, settlements, expected
    from {{ ref('funding_rate_stats') }}
    where period = 'all'
)

select *
from counted
full join stored using (venue, venue_symbol)
where
    counted.settlements is distinct from stored.settlements
    or counted.expected < counted.settlements
