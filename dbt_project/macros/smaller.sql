{# The smaller of two values, null where either is: least() would return the known one. #}
{% macro smaller(left, right) -%}
    case when {{ left }} <= {{ right }} then {{ left }} when {{ right }} < {{ left }} then {{ right }} end
{%- endmacro %}

{# The larger of two values, null where either is. #}
{% macro larger(left, right) -%}
    case when {{ left }} >= {{ right }} then {{ left }} when {{ right }} > {{ left }} then {{ right }} end
{%- endmacro %}
