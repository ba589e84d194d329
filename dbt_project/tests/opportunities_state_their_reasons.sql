-- A tier and the reasons for it go together, and the best tier has none.
select *
from {{ ref('opportunities') }}
where
    (tier = 'reject') <> list_has_any(reasons, {{ codes_to_reject() }})
    or (tier = 'actionable') <> (len(reasons) = 0)
