{# No row breaks a rule of its table's declaration: the key is whole and there once, what must be
   there is, values lie within their bounds or are among those allowed.

   The answer has a row for each rule that is broken: the column, the rule, how many rows break it,
   and one of their values with the key of its row. The failures that dbt counts are those rows.

   `time` is the column that a table grows by: rows of days that changed are tested where the build knows
   them. `view` only orders the test after the view whose Dagster asset carries it as a check. #}
{% test as_declared(model, key, present=[], bounds={}, values={}, time=none, view=none) %}
    {{- config(fail_calc='coalesce(sum(broken_rows), 0)') -}}
    {%- set rules = [] -%}
    {%- for column in (key + present) | unique -%}
        {%- do rules.append((column, column ~ ' is null', 'is null')) -%}
    {%- endfor -%}
    {%- for column, (minimum, maximum) in bounds.items() -%}
        {%- set range = ('' if minimum is none else minimum) ~ '..' ~ ('' if maximum is none else maximum) -%}
        {%- do rules.append((column, outside(column, minimum, maximum), 'is outside ' ~ range)) -%}
    {%- endfor -%}
    {%- for column, allowed in values.items() -%}
        {%- set one_of = "('" ~ allowed | join("', '") ~ "')" -%}
        {%- do rules.append((column, column ~ ' not in ' ~ one_of, 'is none of ' ~ allowed | join(', '))) -%}
    {%- endfor -%}
    {%- set row_key -%}
        { {%- for column in key %}'{{ column }}': {{ column }}{{ ', ' if not loop.last }}{% endfor -%} }
    {%- endset -%}
    {%- set tested = untested(model.identifier ~ '_as_declared', time) if time else 'true' -%}
    with broken as (
        select
            {{ row_key }} as row_key,
            unnest([
                {%- for column, condition, rule in rules %}
                case when {{ condition }} then
                    {'column': '{{ column }}', 'rule': '{{ rule }}', 'value': {{ column }}::varchar}
                end {{- ',' if not loop.last }}
                {%- endfor %}
            ]) as found
        from {{ model }}
        where
            {{ tested }}
            and (
                {%- for _, condition, _ in rules %}
                {{ 'or ' if not loop.first }}{{ condition }}
                {%- endfor %}
            )
    ),

    repeated as (
        select {{ row_key }} as row_key, count(*) as copies
        from {{ model }}
        where {{ tested }}
        group by {{ key | join(', ') }}
        having count(*) > 1
    )

    select
        found.column as column_name,
        found.rule as broken_rule,
        count(*) as broken_rows,
        any_value(found.value) as example,
        any_value(row_key)::varchar as example_key
    from broken
    where found is not null
    group by found.column, found.rule
    union all
    select
        '{{ key | join(', ') }}', 'is there more than once', sum(copies)::bigint,
        any_value(copies) || ' times', any_value(row_key)::varchar
    from repeated
    having count(*) > 0
{% endtest %}
