-- A semi-join on the newest hour, not a window over all rows: it holds one hour per instrument
-- in memory, however long the history. What a wrong clock dated ahead is not the newest.
select
    *,
    {{ rate_8h('predicted_rate', 'interval_hours') }} as predicted_rate_8h,
    {{ apr('predicted_rate', 'interval_hours') }} as predicted_apr
from {{ source('core', 'market_snapshots') }}
where (venue, venue_symbol, snapshot_hour) in (
    select venue, venue_symbol, max(snapshot_hour)
    from {{ source('core', 'market_snapshots') }}
    where {{ has_come('observed_at') }}
    group by venue, venue_symbol
)
