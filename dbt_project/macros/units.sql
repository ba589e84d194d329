{# The formulas of funding_platform/core/units.py, for SQL: written here and nowhere else. #}

{# A rate per interval, scaled to eight hours. #}
{% macro rate_8h(rate, interval_hours) -%}
    {{ rate }} * 8 / {{ interval_hours }}
{%- endmacro %}

{# A rate per interval as a simple annual rate. #}
{% macro apr(rate, interval_hours) -%}
    {{ rate }} * 8760 / {{ interval_hours }}
{%- endmacro %}

{# An eight-hour rate compounded over a year; null beyond what a number can hold. #}
{% macro apy(rate_8h) -%}
    nullif(pow(1 + {{ rate_8h }}, 1095) - 1, 'infinity'::double)
{%- endmacro %}
