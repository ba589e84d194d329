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
    funding_time,
    interval_hours,
    missing_before
from ({{ month_settlements() }})
where missing_before > 0
