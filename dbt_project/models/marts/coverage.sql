-- A gap of g hours before a settlement with interval i hides round(g / i) - 1 settlements. They
-- are laid out backwards from that settlement, so that each counts for the month it was due in.

with settlements as (
    select
        venue,
        venue_symbol,
        funding_time,
        date_trunc('month', funding_time) as month,
        interval_hours,
        lag(funding_time) over one_instrument as previous_time,
        (epoch_us(funding_time) - epoch_us(previous_time)) / 3.6e9 as gap_hours
    from {{ ref('stg_funding_rates') }}
    window one_instrument as (partition by venue, venue_symbol order by funding_time)
),

-- Every month between the first settlement and the last is touched by a gap, so that a month
-- without a single settlement has its row too.
touching_gaps as (
    select venue, venue_symbol, month, gap_hours
    from settlements
    union all
    select
        venue,
        venue_symbol,
        unnest(
            generate_series(
                date_trunc('month', previous_time), month - interval 1 month, interval 1 month
            )
        ) as month,
        gap_hours
    from settlements
    where previous_time < month
),

months as (
    select venue, venue_symbol, month, max(gap_hours) as widest_gap_hours
    from touching_gaps
    group by venue, venue_symbol, month
),

stored as (
    select
        venue,
        venue_symbol,
        month,
        count(*) as settlements,
        min(interval_hours) as min_interval_hours,
        max(interval_hours) as max_interval_hours,
        min(funding_time) as first_funding_time,
        max(funding_time) as last_funding_time
    from settlements
    group by venue, venue_symbol, month
),

absent_times as (
    select
        venue,
        venue_symbol,
        unnest(generate_series(1, round(gap_hours / interval_hours)::bigint - 1)) as intervals_back,
        funding_time - to_seconds(3600 * interval_hours * intervals_back) as absent_time
    from settlements
    where round(gap_hours / interval_hours) > 1
),

absent as (
    select
        venue,
        venue_symbol,
        date_trunc('month', absent_time) as month,
        count(*) as settlements
    from absent_times
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
    widest_gap_hours,
    min_interval_hours,
    max_interval_hours,
    first_funding_time,
    last_funding_time
from months
left join stored using (venue, venue_symbol, month)
left join absent using (venue, venue_symbol, month)
