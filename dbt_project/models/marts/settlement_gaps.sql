{{ config(
    materialized='incremental',
    unique_key='(venue, month)',
    on_schema_change='append_new_columns',
    meta={'by_month': true}
) }}

select
    venue,
    venue_symbol,
    month,
    gap.funding_time,
    gap.interval_hours,
    gap.missing_before
from (
    select
        venue,
        venue_symbol,
        month,
        unnest(gaps) as gap
    from {{ ref('months_anew') }}
)
