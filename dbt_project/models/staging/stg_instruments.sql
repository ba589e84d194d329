select *
from {{ source('core', 'instruments') }}
