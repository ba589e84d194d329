{{ config(materialized='view') }}

select *
from {{ ref('opportunities') }}
qualify
    row_number() over (
        partition by asset
        order by
            list_position(['actionable', 'watch', 'reject'], tier),
            net_7d desc nulls last,
            long_venue, long_symbol, short_venue, short_symbol
    ) = 1
