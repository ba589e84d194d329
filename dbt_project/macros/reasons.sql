{# What stands against a pair: the codes of core/tables/opportunities.py, each with its condition. A
   condition that is null because a figure is unknown does not hold; that has a code of its own. #}

{% macro reject_reasons() -%}
    {%- set conditions = {
        'price_gap_wide': 'abs(price_gap_bps) > ' ~ var('wide_price_gap_bps'),
        'price_gap_unknown': 'price_gap_bps is null',
        'no_divergence': 'divergence_8h = 0',
        'no_net_in_7d': 'net_7d <= 0',
    } -%}
    {%- for leg in ['long', 'short'] -%}
        {%- do conditions.update({
            leg ~ '_stale': leg ~ '.stale',
            leg ~ '_halted': leg ~ ".status <> 'trading'",
            leg ~ '_rate_unknown': leg ~ '.rate is null',
            leg ~ '_interval_unknown': leg ~ '.interval_hours is null',
            leg ~ '_fee_unknown': leg ~ '.taker_bps is null',
            leg ~ '_volume_unknown': 'coalesce(' ~ leg ~ '.volume_24h_usd, 0) = 0',
        }) -%}
    {%- endfor -%}
    {{ return(conditions) }}
{%- endmacro %}

{% macro watch_reasons() -%}
    {%- set conditions = {
        'thin_open_interest': 'min_open_interest_usd < ' ~ var('thin_open_interest_usd'),
        'thin_volume': 'min_volume_24h_usd < ' ~ var('thin_volume_usd'),
        'no_net_in_3d': 'net_3d <= 0',
        'no_net_if_halved': 'net_7d_if_halved <= 0',
        'lost_over_7d': 'settled_7d <= 0',
        'past_unknown': 'settled_7d is null',
        'flickering': 'same_sign_share < ' ~ var('min_same_sign_share'),
    } -%}
    {%- for leg in ['long', 'short'] -%}
        {%- do conditions.update({
            leg ~ '_open_interest_unknown': leg ~ '.open_interest_usd is null',
            leg ~ '_spread_assumed': leg ~ '.spread_bps is null',
            leg ~ '_clock_unknown': leg ~ '_next_funding_time is null',
        }) -%}
    {%- endfor -%}
    {{ return(conditions) }}
{%- endmacro %}

{# The codes whose condition holds, as a list. #}
{% macro codes_that_hold(conditions) -%}
    [
        code for code in [
            {%- for code, condition in conditions.items() %}
            case when {{ condition }} then '{{ code }}' end{{ ',' if not loop.last }}
            {%- endfor %}
        ] if code is not null
    ]
{%- endmacro %}
