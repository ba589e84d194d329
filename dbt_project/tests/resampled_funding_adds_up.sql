{{ config(meta={'dagster': {'ref': {'name': 'funding_rates_resampled'}}}) }}

-- The buckets hold the funding of the settlements, once. Days stand for the other resolutions,
-- which come out of the same macro and would take longer than all other tests together.
with resampled as (
    select
        venue,
        venue_symbol,
        sum(funding_rate) as funding,
        sum(settlements) as settlements
    from {{ ref('funding_rates_resampled') }}
    where resolution_hours = 24
    group by venue, venue_symbol
),

settled as (
    select
        venue,
        venue_symbol,
        sum(funding_rate) as funding,
        count(*) as settlements
    from {{ ref('stg_funding_rates') }}
    group by venue, venue_symbol
)

select *
from settled
full join resampled using (venue, venue_symbol)
where
    resampled.settlements is distinct from settled.settlements
    or abs(resampled.funding - settled.funding) > 1e-9
