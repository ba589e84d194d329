-- Each missing settlement counts for the month it was due in.

with stored as (
    select
        venue,
        venue_symbol,
        month,
        sum(settlements)::bigint as settlements,
        min(min_interval_hours) as min_interval_hours,
        max(max_interval_hours) as max_interval_hours,
        min(first_funding_time) as first_funding_time,
        max(last_funding_time) as last_funding_time,
        max(greatest(widest_gap_hours, gap_hours)) as widest_gap_hours
    from {{ ref('int_settlement_months') }}
    group by venue, venue_symbol, month
),

-- A gap touches every month from the settlement before it to the one after, so that a month
-- without a single settlement has its row too.
touching_gaps as (
    select
        venue,
        venue_symbol,
        unnest(
            generate_series(
                date_trunc('month', previous_time), month - interval 1 month, interval 1 month
            )
        ) as month,
        gap_hours
    from {{ ref('int_settlement_months') }}
    where previous_time < month
),

touched as (
    select venue, venue_symbol, month, max(gap_hours) as widest_gap_hours
    from touching_gaps
    group by venue, venue_symbol, month
),

absent as (
    select
        venue,
        venue_symbol,
        date_trunc('month', missing_time) as month,
        count(*) as settlements
    from {{ ref('int_missing_settlements') }}
    group by venue, venue_symbol, month
)

select
    venue,
    venue_symbol,
    month,
    coalesce(stored.settlements, 0) as present,
    coalesce(absent.settlements, 0) as missing,
    present + missing as expected,
    present / nullif(expected, 0) as coverage,
    greatest(stored.widest_gap_hours, touched.widest_gap_hours) as widest_gap_hours,
    stored.min_interval_hours,
    stored.max_interval_hours,
    stored.first_funding_time,
    stored.last_funding_time
from stored
full join touched using (venue, venue_symbol, month)
full join absent using (venue, venue_symbol, month)
