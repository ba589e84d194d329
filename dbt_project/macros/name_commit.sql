{# The lake's snapshot names the run that made it, as lake.writer does for every other commit. #}
{% macro name_commit() -%}
    {%- set run_id = env_var('FUNDING_RUN_ID', invocation_id) -%}
    call {{ this.database }}.set_commit_message('{{ run_id }}', '{{ run_id }}: dbt {{ this.schema }}.{{ this.name }}')
{%- endmacro %}
