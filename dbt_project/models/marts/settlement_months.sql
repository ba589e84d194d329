{{ config(
    materialized='incremental',
    unique_key='(venue, month)',
    on_schema_change='append_new_columns',
    meta={'by_month': true}
) }}

select * exclude (gaps)
from {{ ref('months_anew') }}
