{{ config(meta={'dagster': {'ref': {'name': 'funding_rate_stats'}}}) }}

-- Every settlement of what is listed now, up to the end of the period is in it, once, and nothing expected is fewer.
with stored as (
    select venue, venue_symbol, count(*) as settlements
    from {{ ref('int_current_funding_rates') }}
    where funding_time <= (select max(as_of) from {{ ref('funding_rate_stats') }})
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
