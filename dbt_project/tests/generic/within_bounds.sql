{# No value is NaN or lies outside the inclusive bounds. #}
{% test within_bounds(model, column_name, minimum=none, maximum=none) %}
    select *
    from {{ model }}
    where
        isnan({{ column_name }}::double)
        {% if minimum is not none -%} or {{ column_name }} < {{ minimum }} {%- endif %}
        {% if maximum is not none -%} or {{ column_name }} > {{ maximum }} {%- endif %}
{% endtest %}
