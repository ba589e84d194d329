{{ config(meta={'dagster': {'ref': {'name': 'opportunity_history'}}}) }}

-- Whatever is shown now is in the history, as it was observed.
with newest as (
    select *
    from {{ ref('opportunity_history') }}
    where hour = (select max(hour) from {{ ref('int_opportunities') }})
)

select current.*
from {{ ref('opportunities') }} as current
anti join newest
    using (
        long_venue, long_symbol, short_venue, short_symbol,
        long_observed_at, short_observed_at, divergence_8h
    )
where current.divergence_8h is not null
