{# Generated from funding_platform/core by
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
