{# How models reach the lake: each replaces the one before in one statement, in one transaction.
   dbt-duckdb would build aside, rename twice and drop what was there in a second commit, which
   names no run, doubles the snapshots, and leaves the files in a folder called <model>__dbt_tmp. #}

{% materialization view, adapter='duckdb' %}
    {%- set target = this.incorporate(type='view') -%}
    {% do in_place_of_another_kind(target) %}
    {% call statement('main') %}
        create or replace view {{ target }} as (
            {{ assert_contract(sql) }}
            {{ sql }}
        )
    {% endcall %}
    {% do committed(target) %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{% materialization table, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {% do in_place_of_another_kind(target) %}
    {% call statement('main') %}
        {%- if config.get('contract').enforced %}
        {{ assert_contract(sql) }}
        create or replace table {{ target }} {{ get_table_columns_and_constraints() }};
        insert into {{ target }} {{ get_column_names() }} ({{ get_select_subquery(sql) }})
        {%- else %}
        create or replace table {{ target }} as ({{ sql }})
        {%- endif %}
    {% endcall %}
    {% do committed(target) %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{# Fails where the columns of the query are not those that the model's contract declares. #}
{% macro assert_contract(sql) -%}
    {%- if config.get('contract').enforced -%}
        {{ get_assert_columns_equivalent(sql) }}
    {%- endif -%}
{%- endmacro %}

{# Opens the transaction, and drops in it a table whose name a view takes, or the reverse. #}
{% macro in_place_of_another_kind(target) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- set existing = load_cached_relation(target) -%}
    {%- if existing is not none and existing.type != target.type -%}
        {% do drop_relation(existing) %}
    {%- endif -%}
{%- endmacro %}

{# Describes what was built, and commits it. #}
{% macro committed(target) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target, model) %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
{%- endmacro %}
