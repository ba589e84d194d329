-- Of the tickers that were reused: since when they have been what they are.
select
    venue,
    venue_symbol,
    max(since) as since
from {{ ref('listing_starts') }}
group by venue, venue_symbol
