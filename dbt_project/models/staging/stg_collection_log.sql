-- An import logs no requests: it says nothing about the venue.
select *
from {{ source('core', 'collection_log') }}
where requests is not null and {{ has_come('started_at') }}
