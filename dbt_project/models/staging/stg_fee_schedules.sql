select * exclude (effective_until)
from {{ ref('stg_fee_history') }}
where effective_from <= now() and now() < coalesce(effective_until, 'infinity'::timestamptz)
