{# Where a value is NaN or lies outside the inclusive bounds; an absent value breaks neither. #}
{% macro outside(column, minimum=none, maximum=none) -%}
    isnan({{ column }}::double)
    {%- if minimum is not none %} or {{ column }} < {{ minimum }} {%- endif %}
    {%- if maximum is not none %} or {{ column }} > {{ maximum }} {%- endif %}
{%- endmacro %}

{# What each failed test found, five rows of it, beneath dbt's mere count. #}
{% macro show_failures(results) -%}
    {%- for result in results if result.node.resource_type == 'test' and result.failures -%}
        {%- set rows = run_query('from (' ~ result.node.compiled_code ~ ') limit 5') -%}
        {%- for row in rows.rows -%}
            {%- set figures = [] -%}
            {%- for name, value in row.dict().items() -%}
                {%- do figures.append(name ~ '=' ~ value) -%}
            {%- endfor -%}
            {%- do log(result.node.name ~ ': ' ~ figures | join(', '), info=true) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}
