{# Generated from funding_platform/core and the venues' specs by
   `python -m funding_platform.devtools.documents`. Do not edit. #}
{# A settlement may appear this late before it counts as absent. #}
{% macro lateness_ms() -%}
    1800000
{%- endmacro %}
{# What tells listings of a ticker apart. #}
{% macro silence() -%}
    interval 168 hours
{%- endmacro %}
{% macro late_stamp() -%}
    interval 720 hours
{%- endmacro %}
{% macro frozen() -%}
    interval 2160 hours
{%- endmacro %}
{# Asset classes whose funding a venue may pause, and how many instruments tell it. #}
{% macro pausing() -%}
    'equity', 'index', 'metal', 'commodity', 'fx'
{%- endmacro %}
{% macro pause_symbols() -%}
    2
{%- endmacro %}
{# How far two clocks may be apart that are both taken to be right. #}
{% macro skew() -%}
    interval 300000 milliseconds
{%- endmacro %}
{# How far back a venue keeps what it settled; null where it keeps all. #}
{% macro history_depth(venue) -%}
    case {{ venue }}
        when 'okx' then interval 2160 hours
        when 'ccxt:backpack' then interval 0 hours
        when 'ccxt:bitget' then interval 0 hours
        when 'ccxt:deepcoin' then interval 0 hours
        when 'ccxt:digifinex' then interval 0 hours
        when 'ccxt:hashkey' then interval 0 hours
        when 'ccxt:hibachi' then interval 0 hours
        when 'ccxt:htx' then interval 0 hours
        when 'ccxt:krakenfutures' then interval 0 hours
        when 'ccxt:mexc' then interval 0 hours
        when 'ccxt:myokx' then interval 0 hours
        when 'ccxt:okx' then interval 0 hours
        when 'ccxt:okxus' then interval 0 hours
        when 'ccxt:pacifica' then interval 0 hours
        when 'ccxt:toobit' then interval 0 hours
        when 'ccxt:xt' then interval 0 hours
    end
{%- endmacro %}
