-- Settlements of what the tickers stand for now; those of an earlier asset are not theirs.
select rates.*
from {{ ref('stg_funding_rates') }} as rates
left join {{ ref('int_current_listings') }} as listings
    on rates.venue = listings.venue and rates.venue_symbol = listings.venue_symbol
where listings.since is null or rates.funding_time >= listings.since
