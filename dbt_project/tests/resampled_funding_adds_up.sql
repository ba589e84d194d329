-- depends_on: {{ ref('funding_rates_resampled') }}
{{ config(meta={'dagster': {'ref': {'name': 'funding_rates_resampled'}}}) }}
{%- set changed = untested('resampled_funding_adds_up', 'funding_time') %}

-- The buckets hold the funding of the settlements, once. Days stand for the other resolutions,
-- which come out of the same macro and would take longer than all other tests together. Of settlements
-- that changed the buckets are made by that macro: those of all are the sums of such.
with rates as (
    select *
    from {{ ref('stg_funding_rates') }}
    where {{ changed }}
),

resampled as (
    select
        venue,
        venue_symbol,
        sum(funding_rate) as funding,
        sum(settlements) as settlements
    from {% if changed == 'true' %}{{ ref('funding_rates_resampled') }}{% else %}({{ resampled('rates', 24) }}){% endif %}
    where resolution_hours = 24
    group by venue, venue_symbol
),

settled as (
    select
        venue,
        venue_symbol,
        sum(funding_rate) as funding,
        count(*) as settlements
    from rates
    group by venue, venue_symbol
)

select *
from settled
full join resampled using (venue, venue_symbol)
where
    resampled.settlements is distinct from settled.settlements
    or abs(resampled.funding - settled.funding) > 1e-9
