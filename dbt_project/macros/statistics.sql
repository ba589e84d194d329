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

{# What is said of a set of rows of int_sampled_settlements. #}
{% macro distribution() -%}
    avg(rate_8h) as mean_8h,
    stddev_samp(rate_8h) as sigma_8h,
    min(rate_8h) as min_8h,
    max(rate_8h) as max_8h,
    quantile_cont(rate_8h, [0.25, 0.5, 0.75]) as quartiles,
    stddev_samp(funding_rate / sqrt(interval_hours)) * sqrt(8760) as volatility,
    {{ apr('sum(funding_rate) filter (where interval_hours is not null)', 'sum(interval_hours)') }}
        as mean_apr,
    avg((rate_8h > 0)::int) as share_positive,
    avg(at_default::int) as share_at_default,
    {{ correlation('following_rate_8h', 'followed_rate_8h') }} as autocorrelation
{%- endmacro %}
