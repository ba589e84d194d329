{# The formulas of funding_platform/core/units.py, for SQL: written here and nowhere else. #}

{# A rate per interval, scaled to eight hours. #}
{% macro rate_8h(rate, interval_hours) -%}
    {{ rate }} * 8 / {{ interval_hours }}
{%- endmacro %}

{# A rate per interval as a simple annual rate. #}
{% macro apr(rate, interval_hours) -%}
    {{ rate }} * 8760 / {{ interval_hours }}
{%- endmacro %}
