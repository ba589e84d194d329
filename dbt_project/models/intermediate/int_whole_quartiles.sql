{{ config(materialized='table') }}

-- More may have settled since than was thought of: then all settlements are asked. Where nobody is out
-- of reach, which is nearly always, none of them is read: those who are out of it are looked up in a
-- table, of which DuckDB knows that it is small, and begins with.
with asked as (
    {%- for asked_for in [
        'far.venue = rates.venue and far.venue_symbol = rates.venue_symbol',
        "far.venue = rates.venue and far.venue_symbol = 'all instruments'",
        "far.venue = 'all venues'",
    ] %}
    select
        far.venue,
        far.venue_symbol,
        quantile_cont(rates.rate_8h, [0.25, 0.5, 0.75]) as quartiles
    from {{ ref('int_current_funding_rates') }} as rates
    inner join (from {{ ref('int_told_quartiles') }} where out_of_reach) as far on {{ asked_for }}
    group by far.venue, far.venue_symbol
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    venue,
    venue_symbol,
    quartiles
from {{ ref('int_told_quartiles') }}
where not out_of_reach
union all
select
    venue,
    venue_symbol,
    quartiles
from asked
