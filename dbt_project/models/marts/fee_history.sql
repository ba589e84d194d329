{# DuckLake has no comments on the columns of a view. #}
{{ config(materialized='view', persist_docs={'relation': true, 'columns': false}) }}

select
    venue,
    tier,
    effective_from,
    effective_until,
    maker_bps,
    taker_bps,
    min_volume_30d_usd,
    source,
    overridden
from {{ ref('stg_fee_history') }}
