-- Since when a pair is one, only the history knows.
with written as (
    select
        long_venue,
        long_symbol,
        short_venue,
        short_symbol,
        discovered_at
    from {{ ref('opportunity_history') }}
    where hour = (select max(hour) from {{ ref('int_opportunities') }})
)

select
    base,
    long.venue as long_venue,
    long.symbol as long_symbol,
    short.venue as short_venue,
    short.symbol as short_symbol,
    {{ asset('base', 'long.asset_class') }} as asset,
    {%- for column in ['quote', 'rate', 'interval_hours', 'rate_8h'] %}
    long.{{ column }} as long_{{ column }},
    short.{{ column }} as short_{{ column }},
    {%- endfor %}
    divergence_8h,
    {{ apr('divergence_8h', 8) }} as gross_apr,
    {{ apy('divergence_8h') }} as gross_apy,
    long_next_funding_time,
    short_next_funding_time,
    both_settled_at,
    return_until_both_settled,
    {%- for horizon in horizons() %}
    funding_{{ horizon }},
    {%- endfor %}
    {%- for column in ['fee_tier', 'maker_bps', 'taker_bps'] %}
    long.{{ column }} as long_{{ column }},
    short.{{ column }} as short_{{ column }},
    {%- endfor %}
    taker_fees_bps,
    maker_fees_bps,
    long.spread_bps as long_spread_bps,
    short.spread_bps as short_spread_bps,
    spread_cost_bps,
    size_usd,
    {%- for leg in ['long', 'short'] %}
    {%- for size in sizes() %}
    {{ leg }}.impact_{{ size }}_bps as {{ leg }}_impact_{{ size }}_bps,
    {%- endfor %}
    {%- endfor %}
    {%- for column in ['impact_model_bps', 'impact_bps', 'impact_source'] %}
    long_{{ column }},
    short_{{ column }},
    {%- endfor %}
    impact_cost_bps,
    max_size_usd,
    cost_bps,
    maker_cost_bps,
    {%- for horizon in horizons() %}
    net_{{ horizon }},
    {%- endfor %}
    net_7d_if_halved,
    net_apr,
    break_even_hours,
    long.volume_24h_usd as long_volume_24h_usd,
    short.volume_24h_usd as short_volume_24h_usd,
    min_volume_24h_usd,
    long.open_interest_usd as long_open_interest_usd,
    short.open_interest_usd as short_open_interest_usd,
    min_open_interest_usd,
    max_open_interest_usd,
    open_interest_ratio,
    open_interest_balance,
    price_gap_bps,
    settled_7d,
    settled_30d,
    {{ apr('settled_7d', 168) }} as settled_7d_apr,
    {{ apr('settled_30d', 720) }} as settled_30d_apr,
    same_sign_share,
    half_life_hours,
    long.observed_at as long_observed_at,
    short.observed_at as short_observed_at,
    observed_at,
    case
        when tier <> 'reject' then coalesce(written.discovered_at, observed_at)
    end as discovered_at,
    -- A rate is fixed anew when its leg settles.
    least(
        coalesce(long_next_funding_time, observed_at + to_seconds(3600 * long.interval_hours)),
        coalesce(short_next_funding_time, observed_at + to_seconds(3600 * short.interval_hours))
    ) as valid_until,
    tier,
    reasons
from {{ ref('int_opportunities') }} as pairs
left join written
    on
        pairs.long.venue = written.long_venue
        and pairs.long.symbol = written.long_symbol
        and pairs.short.venue = written.short_venue
        and pairs.short.symbol = written.short_symbol
