{# How far back a venue keeps what it settled; null where it keeps all. A build is told, by whoever
   knows the venues that are installed; the lake holds a model as its query, in which it is written. #}
{% macro history_depth(venue) %}
    {%- set depths = [] -%}
    {%- if execute and load_relation(api.Relation.create(this.database, 'build', 'history_depths')) is not none -%}
        {%- set depths = run_query('select venue, epoch(depth)::bigint from build.history_depths order by venue').rows -%}
    {%- endif -%}
    {%- if depths -%}
    case {{ venue }}
        {%- for name, seconds in depths %}
        when '{{ name }}' then interval {{ seconds }} seconds
        {%- endfor %}
    end
    {%- else -%}
    cast(null as interval)
    {%- endif -%}
{%- endmacro %}
