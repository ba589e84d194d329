select
    venue,
    venue_symbol,
    list(since order by since) as begins,
    begins::varchar as listing_starts
from {{ ref('listing_starts') }}
group by venue, venue_symbol
