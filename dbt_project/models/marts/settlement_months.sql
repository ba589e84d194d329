{{ config(
    materialized='incremental',
    unique_key='(venue, month)',
    on_schema_change='append_new_columns',
    meta={'by_month': true}
) }}

select
    venue,
    venue_symbol,
    month,
    listing,
    of_earlier_listing,
    listing_starts,
    count(*) as settlements,
    min(interval_hours) as min_interval_hours,
    max(interval_hours) as max_interval_hours,
    max(gap_hours) as widest_gap_hours,
    min(funding_time) as first_funding_time,
    arg_min_null(interval_hours, funding_time) as first_interval_hours,
    arg_min_null(rate_8h, funding_time) as first_rate_8h,
    max(funding_time) as last_funding_time,
    arg_max_null(interval_hours, funding_time) as last_interval_hours,
    arg_max_null(rate_8h, funding_time) as last_rate_8h
from ({{ month_settlements() }})
group by venue, venue_symbol, month, listing, of_earlier_listing, listing_starts
