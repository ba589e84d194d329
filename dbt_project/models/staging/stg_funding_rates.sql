select
    *,
    {{ rate_8h('funding_rate', 'interval_hours') }} as rate_8h,
    {{ apr('funding_rate', 'interval_hours') }} as apr
from {{ source('core', 'funding_rates') }}
where {{ has_come('funding_time') }}
