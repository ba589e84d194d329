{# dbt refuses to load a seed where there is a view: while it builds, that is how the lake's is shown. #}
{% macro make_room_for_seeds() -%}
    {%- for id in selected_resources if execute and id.startswith('seed.') -%}
        {%- set node = graph.nodes[id] -%}
        {%- set shown = adapter.get_relation(node.database, node.schema, node.alias) -%}
        {%- if shown is not none and shown.is_view -%}
            {%- do adapter.drop_relation(shown) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
