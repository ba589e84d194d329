-- Settlements between others that their asset class paused for: no longer missing, by period.
select
    absent.venue,
    absent.venue_symbol,
    periods.period,
    count(*) as paused
from {{ ref('int_absent_settlements') }} as absent
inner join {{ ref('int_statistics_periods') }} as periods
    on
        absent.due_time > periods.starts_at
        and absent.laid_out_from <= periods.as_of
left join {{ ref('int_current_listings') }} as listings
    on absent.venue = listings.venue and absent.venue_symbol = listings.venue_symbol
where
    absent.in_pause
    and (listings.since is null or absent.due_time >= listings.since)
group by absent.venue, absent.venue_symbol, periods.period
