-- A venue whose base tier is missing would silently lose its net returns.
select venue
from {{ ref('fee_schedules') }}
group by venue
having not bool_or(tier = 'base' and effective_from <= now())
