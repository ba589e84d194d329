{# How models reach the file that a build works in: each takes the place of the view that shows what
   the lake held, in one transaction. From there funding_platform.lake.marts.build takes them. #}

{% materialization view, adapter='duckdb' %}
    {%- set target = this.incorporate(type='view') -%}
    {% do in_place_of_another_kind(target) %}
    {% call statement('main') %}
        {{ assert_contract(sql) }}
        create or replace view {{ target }} as ({{ sql }})
    {% endcall %}
    {% do committed() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{% materialization table, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {% do in_place_of_another_kind(target) %}
    {% call statement('main') %}
        {{ filled(target, sql) }}
    {% endcall %}
    {% do committed() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{# What the query gives is new, and stands for all that the lake holds of the same unique_key. The
   new rows are a table of their own; the model is a view of them and of what stays. A model that is
   kept by month gives all rows of the months that changed, which may be none, or of all months; one
   that is kept whole stays as it is, or is built anew. #}
{% materialization incremental, adapter='duckdb' %}
    {%- set by_month = config.get('meta', {}).get('by_month', false) -%}
    {%- if config.get('meta', {}).get('kept_whole') -%}
        {{ return(kept_as_held() if quartiles_hold() else materialization_table_duckdb()) }}
    {%- elif by_month and not only_changed_months() -%}
        {{ return(materialization_table_duckdb()) }}
    {%- endif -%}
    {%- set target = this.incorporate(type='view') -%}
    {%- set added = target.incorporate(path={'identifier': this.identifier ~ '__new'}, type='table') -%}
    {%- set held = load_cached_relation(this) -%}
    {%- set key = config.require('unique_key') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement('main') %}
        {{ filled(added, sql) }};
        create or replace view {{ target }} as (
            from {{ added }}
            {%- if held is not none %}
            union all by name
            from {{ api.Relation.create('held', this.schema, this.identifier) }}
            where {{ key }} not in (select {{ key }} from {{ 'build.changed_months' if by_month else added }})
            {%- endif %}
        )
    {% endcall %}
    {% do committed() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{# What the lake holds of the model, as it is: nothing of it is brought. #}
{% macro kept_as_held() %}
    {%- set target = this.incorporate(type='view') -%}
    {% do in_place_of_another_kind(target) %}
    {% call statement('main') %}
        create or replace view {{ target }} as (from {{ as_held(this.schema, this.identifier) }})
    {% endcall %}
    {% do committed() %}
    {{ return({'relations': [target]}) }}
{% endmacro %}

{# Whether the lake holds the model already: a table there, a view of it in a build. #}
{% macro is_incremental() %}
    {{ return(
        execute
        and config.get('materialized') == 'incremental'
        and load_relation(this) is not none
    ) }}
{% endmacro %}

{# A table of what a query gives, as the model's contract declares it where there is one. #}
{% macro filled(target, sql) -%}
    {%- if config.get('contract').enforced %}
    {{ assert_contract(sql) }}
    create or replace table {{ target }} {{ get_table_columns_and_constraints() }};
    insert into {{ target }} {{ get_column_names() }} ({{ get_select_subquery(sql) }})
    {%- else %}
    create or replace table {{ target }} as ({{ sql }})
    {%- endif %}
{%- endmacro %}

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

{% macro committed() -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
{%- endmacro %}
