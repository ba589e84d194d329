select * from {{ source('core', 'live_rates') }}
where {{ has_come('minute_time') }}
