{%- set legs = ['long', 'short'] %}
with impacts as (
    select
        *,
        {{ var('size_usd') }}::double as size_usd,
        {%- for leg in legs %}
        {{ impact_bps('size_usd', leg ~ '.volume_24h_usd') }} as {{ leg }}_impact_model_bps,
        {{ measured_impact_bps('size_usd', leg ~ '.impact_1k_bps', leg ~ '.impact_10k_bps', leg ~ '.impact_100k_bps', leg ~ '.impact_1m_bps') }}
            as {{ leg }}_measured_bps,
        {{ leg_impact_bps(leg ~ '_measured_bps', leg ~ '_impact_model_bps', leg ~ '.impact_1m_bps', leg ~ '.impact_100k_bps', leg ~ '.impact_10k_bps', leg ~ '.impact_1k_bps') }}
            as {{ leg }}_impact_bps,
        {{ impact_source(leg ~ '_measured_bps', leg ~ '_impact_model_bps') }}
            as {{ leg }}_impact_source{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_opportunity_funding') }}
),

-- What the four trades move the prices by at each of the measured sizes.
sized as (
    select
        *,
        {%- for size, usd in sizes().items() %}
        {%- set at = [] %}
        {%- for leg in legs %}
        {%- do at.append(impact_at_bps(leg ~ '.impact_1k_bps', leg ~ '.impact_' ~ size ~ '_bps', leg ~ '_impact_model_bps', usd, 'size_usd')) %}
        {%- endfor %}
        {{ four_trades(at[0], at[1]) }} as impact_cost_{{ size }}_bps{{ ',' if not loop.last }}
        {%- endfor %}
    from impacts
),

costs as (
    select
        * exclude (
            long_measured_bps, short_measured_bps,
            {%- for size in sizes() %}
            impact_cost_{{ size }}_bps{{ ',' if not loop.last }}
            {%- endfor %}
        ),
        {{ four_trades('long.taker_bps', 'short.taker_bps') }} as taker_fees_bps,
        {{ four_trades('long.maker_bps', 'short.maker_bps') }} as maker_fees_bps,
        {{ four_trades(half_spread_bps('long.spread_bps'), half_spread_bps('short.spread_bps')) }}
            as spread_cost_bps,
        {{ four_trades('long_impact_bps', 'short_impact_bps') }} as impact_cost_bps,
        {{ max_size_usd('impact_cost_1k_bps', 'impact_cost_10k_bps', 'impact_cost_100k_bps', 'impact_cost_1m_bps') }}
            as max_size_usd,
        {{ taker_cost_bps('taker_fees_bps', 'spread_cost_bps', 'impact_cost_bps') }} as cost_bps,
        {{ maker_cost_bps('maker_fees_bps') }} as maker_cost_bps
    from sized
)

select
    *,
    {%- for horizon in horizons() %}
    {{ net('funding_' ~ horizon, 'cost_bps') }} as net_{{ horizon }},
    {%- endfor %}
    {{ net_if_halved('funding_7d', 'cost_bps') }} as net_7d_if_halved,
    {{ apr('net_7d', 168) }} as net_apr,
    {{ break_even_hours('cost_bps', 'divergence_8h') }} as break_even_hours
from costs
