{# Stored: every pair needs it twice, and their past once more. #}
{{ config(materialized='table') }}

-- A leg is old when it was not seen again within its own interval. That is measured from the newest
-- observation, not from the clock, so that a replayed lake gives the same answer at any time.
with newest as (
    select max(observed_at) as newest_observed_at
    from {{ ref('latest_funding_rates') }}
)

select
    row_number() over (order by venue, latest.venue_symbol) as leg,
    latest.base,
    latest.asset_class,
    venue,
    latest.venue_symbol as symbol,
    latest.quote,
    latest.status,
    latest.predicted_rate as rate,
    latest.predicted_interval_hours as interval_hours,
    latest.predicted_rate_8h as rate_8h,
    latest.next_funding_time,
    latest.mark_price,
    latest.open_interest_usd,
    latest.volume_24h_usd,
    latest.spread_bps,
    fees.tier as fee_tier,
    fees.maker_bps,
    fees.taker_bps,
    {%- for size in sizes() %}
    -- A book counts while it is fresh, by the same clock.
    case
        when newest.newest_observed_at - depth.observed_at <= to_seconds(3600 * {{ var('depth_fresh_hours') }})
            then {{ book_impact_bps('depth.buy_' ~ size ~ '_bps', 'depth.sell_' ~ size ~ '_bps', 'depth.ask', 'depth.bid', 'depth.mid') }}
    end as impact_{{ size }}_bps,
    {%- endfor %}
    latest.observed_at,
    newest.newest_observed_at,
    newest.newest_observed_at - latest.observed_at > coalesce(
        to_seconds(3600 * latest.predicted_interval_hours) + to_minutes({{ var('stale_slack_minutes') }}),
        to_hours({{ var('stale_after_hours') }})
    ) as stale
from {{ ref('latest_funding_rates') }} as latest
cross join newest
left join {{ ref('int_base_fees') }} as fees using (venue)
left join {{ ref('stg_order_book_depth') }} as depth using (venue, venue_symbol)
where
    latest.status <> 'delisted'
    and {{ is_dollar('latest.quote') }}
    and latest.observed_at is not null
