{{ config(materialized='view') }}

select *
from {{ ref('stg_fee_history') }}
