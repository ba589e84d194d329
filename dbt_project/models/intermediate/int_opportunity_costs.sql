with costs as (
    select
        *,
        {{ four_trades('long.taker_bps', 'short.taker_bps') }} as taker_fees_bps,
        {{ four_trades('long.maker_bps', 'short.maker_bps') }} as maker_fees_bps,
        {{ four_trades(half_spread_bps('long.spread_bps'), half_spread_bps('short.spread_bps')) }}
            as spread_cost_bps,
        {{ var('size_usd') }}::double as size_usd,
        {{ four_trades(impact_bps('size_usd', 'long.volume_24h_usd'), impact_bps('size_usd', 'short.volume_24h_usd')) }}
            as impact_cost_bps,
        {{ taker_cost_bps('taker_fees_bps', 'spread_cost_bps', 'impact_cost_bps') }} as cost_bps,
        {{ maker_cost_bps('maker_fees_bps') }} as maker_cost_bps
    from {{ ref('int_opportunity_funding') }}
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
