{# Stored, because the history and the current table would both work it out. #}
{{ config(materialized='table') }}

with figures as (
    select
        costs.*,
        {{ smaller('long.volume_24h_usd', 'short.volume_24h_usd') }} as min_volume_24h_usd,
        {{ smaller('long.open_interest_usd', 'short.open_interest_usd') }} as min_open_interest_usd,
        {{ larger('long.open_interest_usd', 'short.open_interest_usd') }} as max_open_interest_usd,
        long.open_interest_usd / nullif(short.open_interest_usd, 0) as open_interest_ratio,
        case
            when open_interest_ratio > {{ var('heavy_ratio') }} then 'long_heavy'
            when open_interest_ratio < 1 / {{ var('heavy_ratio') }} then 'short_heavy'
            when open_interest_ratio is not null then 'balanced'
        end as open_interest_balance,
        past.settled_7d,
        past.settled_30d,
        past.same_sign_share,
        past.half_life_hours,
        date_trunc('hour', long.newest_observed_at) as hour
    from {{ ref('int_opportunity_costs') }} as costs
    left join {{ ref('int_opportunity_past') }} as past
        on costs.long.leg = past.long_leg and costs.short.leg = past.short_leg
),

judged as (
    select
        *,
        {{ reject_reasons() }} as reject_reasons,
        {{ watch_reasons() }} as watch_reasons
    from figures
)

select
    * exclude (reject_reasons, watch_reasons),
    {{ tier('len(reject_reasons) > 0', 'len(watch_reasons) > 0') }} as tier,
    list_sort(reject_reasons || watch_reasons) as reasons
from judged
