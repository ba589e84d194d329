select
    *,
    coalesce(lead(effective_from) over one_venue, 'infinity'::timestamptz) as effective_until
from {{ ref('default_funding_rates') }}
window one_venue as (partition by venue order by effective_from)
