select venue, maker_bps, taker_bps, effective_from, source
from {{ ref('fee_schedules') }}
where tier = 'base' and effective_from <= now()
qualify effective_from = max(effective_from) over (partition by venue)
