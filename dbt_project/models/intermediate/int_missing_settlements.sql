-- What was due and is absent, in the span that was collected, and not for a pause.
select
    venue,
    venue_symbol,
    missing_time,
    kind
from {{ ref('int_absent_settlements') }}
where in_span and not in_pause
