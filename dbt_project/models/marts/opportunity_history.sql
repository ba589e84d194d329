{{ config(materialized='incremental', unique_key='hour', on_schema_change='append_new_columns') }}

with seen as (
    select
        hour,
        base,
        long.venue as long_venue,
        long.symbol as long_symbol,
        short.venue as short_venue,
        short.symbol as short_symbol,
        long.rate_8h as long_rate_8h,
        short.rate_8h as short_rate_8h,
        divergence_8h,
        cost_bps,
        net_1d,
        net_7d,
        min_open_interest_usd,
        min_volume_24h_usd,
        price_gap_bps,
        tier,
        reasons,
        long.observed_at as long_observed_at,
        short.observed_at as short_observed_at,
        observed_at
    from {{ ref('int_opportunities') }}
),

{%- if is_incremental() %}

written as (
    select *
    from {{ this }}
    where hour >= (select max(hour) from seen) - interval 1 hour
),

-- Where nothing was observed since the hour was written, it stays: valued with the fees of its time.
observed_anew as (
    select seen.*
    from seen
    anti join written
        using (
            hour, long_venue, long_symbol, short_venue, short_symbol, long_observed_at, short_observed_at
        )
),

-- A pair that was rejected an hour ago, or stood the other way round, or was not there, begins anew.
an_hour_ago as (
    select
        long_venue,
        long_symbol,
        short_venue,
        short_symbol,
        discovered_at
    from written
    where hour < (select max(hour) from seen) and discovered_at is not null
)
{%- else %}

an_hour_ago as (
    select
        long_venue,
        long_symbol,
        short_venue,
        short_symbol,
        observed_at as discovered_at
    from seen
    where false
)
{%- endif %}

select
    seen.* exclude (long_observed_at, short_observed_at, observed_at),
    case
        when seen.tier <> 'reject' then coalesce(an_hour_ago.discovered_at, seen.observed_at)
    end as discovered_at,
    seen.long_observed_at,
    seen.short_observed_at,
    seen.observed_at
from seen
left join an_hour_ago using (long_venue, long_symbol, short_venue, short_symbol)
{%- if is_incremental() %}
where exists (from observed_anew)
{%- endif %}
