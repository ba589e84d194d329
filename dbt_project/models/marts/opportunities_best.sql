{# DuckLake has no comments on the columns of a view. #}
{{ config(materialized='view', persist_docs={'relation': true, 'columns': false}) }}

select *
from {{ ref('opportunities') }}
qualify
    row_number() over (
        partition by base
        order by
            list_position(['actionable', 'watch', 'reject'], tier),
            net_7d desc nulls last,
            long_venue, long_symbol, short_venue, short_symbol
    ) = 1
