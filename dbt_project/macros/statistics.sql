{# Pearson's correlation of two columns that are null together; null below three pairs, and where
   either does not vary: there, rounding alone would decide. #}
{% macro correlation(left, right) -%}
    case
        when
            count({{ left }}) > 2
            and min({{ left }}) < max({{ left }})
            and min({{ right }}) < max({{ right }})
            then greatest(-1, least(1, corr({{ left }}, {{ right }})))
    end
{%- endmacro %}
