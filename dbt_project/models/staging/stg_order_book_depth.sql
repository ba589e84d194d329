-- Of every instrument whose book was ever measured, the newest measurement.
select *
from {{ source('core', 'order_book_depth') }}
where (venue, venue_symbol, snapshot_hour) in (
    select venue, venue_symbol, max(snapshot_hour)
    from {{ source('core', 'order_book_depth') }}
    where {{ has_come('observed_at') }}
    group by venue, venue_symbol
)
