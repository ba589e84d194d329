{{ config(meta={'dagster': {'ref': {'name': 'coverage'}}}) }}
{%- set test = 'coverage_counts_every_settlement' %}

-- Every settlement is counted in its month. A month that nothing settled in has a row too, with none.
with counted as (
    select venue, venue_symbol, month, present
    from {{ ref('coverage') }}
    where {{ untested(test, 'month', part='month') }}
),

stored as (
    select venue, venue_symbol, date_trunc('month', funding_time) as month, count(*) as settlements
    from {{ ref('stg_funding_rates') }}
    where {{ untested(test, 'funding_time', part='month') }}
    group by all
)

select *
from counted
full join stored using (venue, venue_symbol, month)
where coalesce(present, 0) <> coalesce(settlements, 0)
