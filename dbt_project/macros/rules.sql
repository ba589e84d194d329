{# Where a value is NaN or lies outside the inclusive bounds; an absent value breaks neither. #}
{% macro outside(column, minimum=none, maximum=none) -%}
    isnan({{ column }}::double)
    {%- if minimum is not none %} or {{ column }} < {{ minimum }} {%- endif %}
    {%- if maximum is not none %} or {{ column }} > {{ maximum }} {%- endif %}
{%- endmacro %}

{# Which rows a test of a table that grows has yet to see: those of some days, or of their months, where
   the build knows that the others passed; `true` where it has to see all of them. #}
{% macro untested(test, time, part='day') -%}
    {%- set known = api.Relation.create(target.database, 'build', 'untested') -%}
    {%- set found = [] -%}
    {%- if execute and load_relation(known) is not none -%}
        {%- set asked = "select distinct date_trunc('" ~ part ~ "', day)::varchar from " ~ known -%}
        {%- set found = run_query(asked ~ " where test = '" ~ test ~ "' order by all").columns[0].values() -%}
    {%- endif -%}
    {%- set days = found | select | list -%}
    {%- if not found -%}
        true
    {%- elif not days -%}
        false
    {%- else -%}
        ({{ time }} >= '{{ days | first }}' and {{ time }} < timestamptz '{{ days | last }}' + interval 1 {{ part }}
        and date_trunc('{{ part }}', {{ time }}) in ('{{ days | join("', '") }}'))
    {%- endif -%}
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
