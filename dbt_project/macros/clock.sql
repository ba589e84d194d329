{# Settlements on a clock. Instants and steps are whole microseconds, so that nothing is rounded. #}

{# Whether a time has come. What a wrong clock stamped with one to come must not be the newest of all
   for years. #}
{% macro has_come(time) -%}
    ({{ time }} > now() + {{ skew() }}) is not true
{%- endmacro %}

{# The first settlement after `now`, where one was due at `due` and they are `step` apart. #}
{% macro next_settlement(due, step, now) -%}
    case
        when {{ due }} > {{ now }} then {{ due }}
        when {{ due }} <= {{ now }} then {{ due }} + (({{ now }} - {{ due }}) // {{ step }} + 1) * {{ step }}
    end
{%- endmacro %}

{# Settlements from `first`, which is one, to `until`; null where first or step is. #}
{% macro settlements_until(first, step, until) -%}
    case
        when {{ first }} > {{ until }} and {{ step }} > 0 then 0
        when {{ first }} <= {{ until }} then ({{ until }} - {{ first }}) // {{ step }} + 1
    end
{%- endmacro %}

{# The full hour nearest to a time, in hours since the epoch: venues stamp settlements seconds late. #}
{% macro nearest_hour(time) -%}
    (epoch_us({{ time }}) + {{ lateness_ms() }} * 1000) // 3600000000
{%- endmacro %}

{# Whether the periods of the statistics end with the lake. #}
{% macro as_of_now() %}
    {{ return(var('statistics_as_of') is none) }}
{% endmacro %}
