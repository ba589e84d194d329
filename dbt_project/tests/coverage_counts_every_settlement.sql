{{ config(meta={'dagster': {'ref': {'name': 'coverage'}}}) }}

-- Months partition the history: their settlements add up to the table. An instrument of which nothing
-- settled yet has months, with none in them.
with counted as (
    select venue, venue_symbol, sum(present) as present
    from {{ ref('coverage') }}
    group by venue, venue_symbol
),

stored as (
    select venue, venue_symbol, count(*) as settlements
    from {{ ref('stg_funding_rates') }}
    group by venue, venue_symbol
)

select *
from counted
full join stored using (venue, venue_symbol)
where coalesce(present, 0) <> coalesce(settlements, 0)
