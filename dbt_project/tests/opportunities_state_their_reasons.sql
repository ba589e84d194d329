-- A tier and the reasons for it go together, and the best tier has none.
{% set rejecting = reject_reasons().keys() | list %}
select *
from {{ ref('opportunities') }}
where
    (tier = 'reject') <> list_has_any(reasons, {{ rejecting }})
    or (tier = 'actionable') <> (len(reasons) = 0)
