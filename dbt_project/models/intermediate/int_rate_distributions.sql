{# A table, not a view: two marts read it, and it costs more than the rest of both. #}
{{ config(materialized='table') }}

-- Every settlement is counted for its instrument, for its venue and for all venues together.
with distributions as (
    select
        venue,
        venue_symbol,
        period,
        count(*) as settlements,
        coalesce(sum(missing), 0)::bigint as missing,
        count(*) - count(rate_8h) as unscaled,
        avg(rate_8h) as mean_8h,
        stddev_samp(rate_8h) as sigma_8h,
        min(rate_8h) as min_8h,
        max(rate_8h) as max_8h,
        quantile_cont(rate_8h, [0.25, 0.5, 0.75]) as quartiles,
        {{ funding_volatility('funding_rate', 'interval_hours') }} as volatility,
        {{ apr('sum(funding_rate) filter (where interval_hours is not null)', 'sum(interval_hours)') }}
            as mean_apr,
        avg((rate_8h > 0)::int) as share_positive,
        avg(at_default::int) as share_at_default,
        {{ correlation('following_rate_8h', 'followed_rate_8h') }} as autocorrelation,
        min(funding_time) as first_funding_time,
        max(funding_time) as last_funding_time
    from {{ ref('int_sampled_settlements') }}
    group by grouping sets ((venue, venue_symbol, period), (venue, period), (period))
)

select
    * exclude (quartiles),
    quartiles[1] as quartile_1_8h,
    quartiles[2] as median_8h,
    quartiles[3] as quartile_3_8h
from distributions
{% if as_of_now() %}
union all by name

select * from {{ ref('int_whole_distributions') }}
{% endif %}
