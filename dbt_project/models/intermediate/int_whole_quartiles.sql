{{ config(materialized='table') }}

-- More may have settled since than was thought of: then all settlements are asked. Where nobody is out
-- of reach, which is nearly always, none of them is read: those who are out of it are looked up in a
-- table, of which DuckDB knows that it is small, and begins with.
with named as (
    select
        rate_8h,
        unnest([
            {'venue': venue, 'venue_symbol': venue_symbol},
            {'venue': venue, 'venue_symbol': 'all instruments'},
            {'venue': 'all venues', 'venue_symbol': 'all instruments'}
        ]) as name
    from {{ ref('int_current_funding_rates') }}
),

asked as (
    select
        far.venue,
        far.venue_symbol,
        quantile_cont(named.rate_8h, [0.25, 0.5, 0.75]) as quartiles
    from named
    inner join {{ ref('int_told_quartiles') }} as far
        on named.name.venue = far.venue and named.name.venue_symbol = far.venue_symbol
    where far.out_of_reach
    group by far.venue, far.venue_symbol
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
