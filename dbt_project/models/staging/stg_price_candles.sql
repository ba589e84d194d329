select *
from {{ source('core', 'price_candles') }}
where {{ has_come('available_at') }}
