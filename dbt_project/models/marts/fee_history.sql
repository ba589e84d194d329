{# DuckLake has no comments on the columns of a view. #}
{{ config(materialized='view', persist_docs={'relation': true, 'columns': false}) }}

select *
from {{ ref('stg_fee_history') }}
