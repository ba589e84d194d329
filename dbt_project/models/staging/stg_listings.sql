-- Whether the ticker had a listing before: two contracts that we have both seen.
select
    *,
    lag(first_seen_at) over one_ticker is not null as relisted
from {{ source('core', 'listings') }}
where {{ has_come('first_seen_at') }}
window one_ticker as (partition by venue, venue_symbol order by first_seen_at)
