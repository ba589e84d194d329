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
    {%- set known = ' filter (where ' ~ hours ~ ' is not null)' -%}
    {{ volatility_of(
        'count(' ~ hours ~ ')',
        'sum(' ~ rate ~ ')' ~ known,
        'sum(' ~ rate ~ ' * ' ~ rate ~ ')' ~ known,
        'sum(' ~ rate ~ ' * ' ~ hours ~ ')',
        'sum(' ~ hours ~ ')',
        'sum(' ~ hours ~ ' * ' ~ hours ~ ')'
    ) }}
{%- endmacro %}

{# The same of sums over settlements of known interval: how many, r, r * r, r * h, h and h * h. #}
{% macro volatility_of(count, paid, squares, products, hours, squared_hours) -%}
    {%- set yield = '(' ~ paid ~ ' / ' ~ hours ~ ')' -%}
    {%- set beyond -%}
        ({{ squares }} - 2 * {{ yield }} * {{ products }} + {{ yield }} * {{ yield }} * {{ squared_hours }})
    {%- endset -%}
    case
        when {{ count }} < 2 then null
        when {{ beyond }} <= 1e-12 * {{ squares }} then 0
        else sqrt(8760 * {{ count }} / ({{ count }} - 1) * {{ beyond }} / {{ hours }})
    end
{%- endmacro %}

{# The sample standard deviation, of a count, a sum and a sum of squares; 0 where nothing varies, null
   below two. #}
{% macro deviation_of(count, total, squares, minimum, maximum) -%}
    case
        when {{ count }} < 2 then null
        when {{ minimum }} = {{ maximum }} then 0
        else sqrt(greatest({{ squares }} - {{ total }} * {{ total }} / {{ count }}, 0) / ({{ count }} - 1))
    end
{%- endmacro %}

{# Joins the default rate of a settlement's venue, at its time. #}
{% macro beside_defaults(settlements, defaults) -%}
    left join {{ ref('stg_default_funding_rates') }} as {{ defaults }}
        on
            {{ settlements }}.venue = {{ defaults }}.venue
            and {{ settlements }}.funding_time >= {{ defaults }}.effective_from
            and {{ settlements }}.funding_time < {{ defaults }}.effective_until
{%- endmacro %}

{# Whether a settlement is at the default that was joined to it, to the last digit that is printed. #}
{% macro at_default(settlements, defaults) -%}
    abs(
        {{ settlements }}.funding_rate
        - {{ defaults }}.default_rate_8h * {{ settlements }}.interval_hours / 8
    ) <= {{ defaults }}.tolerance + 1e-12
{%- endmacro %}
