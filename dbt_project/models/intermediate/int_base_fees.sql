select
    venue,
    tier,
    maker_bps,
    taker_bps
from {{ ref('stg_fee_schedules') }}
where tier = 'base'
