select
    venue,
    tier,
    effective_from,
    maker_bps,
    taker_bps,
    min_volume_30d_usd,
    source,
    overridden
from {{ ref('stg_fee_history') }}
where effective_from <= now() and now() < coalesce(effective_until, 'infinity'::timestamptz)
