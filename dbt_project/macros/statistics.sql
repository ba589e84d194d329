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
{# sqrt(8760 n / (n - 1) sum((r - y h)^2) / sum(h)), y the mean yield sum(r) / sum(h): what was paid
   beyond it. A yield that stays the same does not vary, however its hours are divided; what
   deviates by less than a millionth of the rates is their rounding. Null below two. #}
{% macro funding_volatility(rate, hours) -%}
    {%- set paid = 'sum(' ~ rate ~ ') filter (where ' ~ hours ~ ' is not null)' -%}
    {%- set squares = 'sum(' ~ rate ~ ' * ' ~ rate ~ ') filter (where ' ~ hours ~ ' is not null)' -%}
    {%- set yield = '(' ~ paid ~ ' / sum(' ~ hours ~ '))' -%}
    {%- set beyond -%}
        ({{ squares }}
        - 2 * {{ yield }} * sum({{ rate }} * {{ hours }})
        + {{ yield }} * {{ yield }} * sum({{ hours }} * {{ hours }}))
    {%- endset -%}
    case
        when count({{ hours }}) < 2 then null
        when {{ beyond }} <= 1e-12 * {{ squares }} then 0
        else
            sqrt(8760 * count({{ hours }}) / (count({{ hours }}) - 1) * {{ beyond }} / sum({{ hours }}))
    end
{%- endmacro %}
