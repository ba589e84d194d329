{{ config(
    materialized='incremental',
    unique_key='until',
    on_schema_change='append_new_columns',
    meta={'kept_whole': true}
) }}

with bounds as (
    select date_trunc('month', max(as_of)) - interval 1 month as until
    from {{ ref('int_statistics_periods') }}
),

-- One more settlement moves a quartile q by q places up among those that are kept, or by 1 - q down.
-- Twice as many as have come may come.
since as (
    select
        {{ names_of_all() }},
        sum(scaled) as settlements
    from {{ ref('settlement_months') }}
    where not of_earlier_listing and month >= (select until from bounds)
    group by grouping sets ((venue, venue_symbol), (venue), ())
),

rates as (
    select
        {{ names_of_all() }},
        rate_8h,
        count(*) as settlements
    from {{ ref('int_current_funding_rates') }}
    where funding_time < (select until from bounds) and rate_8h is not null
    group by grouping sets ((venue, venue_symbol, rate_8h), (venue, rate_8h), (rate_8h))
),

ordered as (
    select
        *,
        sum(settlements) over (partition by venue, venue_symbol) as of_all,
        coalesce(sum(settlements) over (
            partition by venue, venue_symbol
            order by rate_8h
            rows between unbounded preceding and 1 preceding
        ), 0) as below
    from rates
)

select
    ordered.venue,
    ordered.venue_symbol,
    bounds.until,
    ordered.rate_8h,
    ordered.settlements::bigint as settlements,
    ordered.below::bigint as below,
    ordered.of_all::bigint as of_all
from ordered
cross join bounds
left join since using (venue, venue_symbol)
where
    {%- for quartile in [0.25, 0.5, 0.75] %}
    {{ 'or ' if not loop.first }}(
        ordered.below <= {{ quartile }} * ordered.of_all + {{ 2 * quartile }} * coalesce(since.settlements, 0) + 100
        and ordered.below + ordered.settlements
        >= {{ quartile }} * ordered.of_all - {{ 2 - 2 * quartile }} * coalesce(since.settlements, 0) - 100
    )
    {%- endfor %}
