select *
from {{ ref('opportunities') }}
where long_venue = short_venue
