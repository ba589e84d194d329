{# A table, not a view: many ask for it. #}
{{ config(materialized='table') }}

-- The end is the newest settlement, not the clock, so that a replayed lake gives the same answer
-- at any time.
with newest as (
    {% if var('statistics_as_of') is not none -%}
    select timestamptz '{{ var('statistics_as_of') }}' as as_of
    {%- else -%}
    select max(last_funding_time) as as_of from {{ ref('settlement_months') }}
    {%- endif %}
)

select
    period,
    coalesce(as_of - to_days(days), to_timestamp(0)) as starts_at,
    as_of
from newest
cross join (values ('1d', 1), ('7d', 7), ('30d', 30), ('90d', 90), ('all', null)) as periods (period, days)
