{{ config(materialized='view') }}

{% for hours in [1, 4, 8, 24] -%}
select
    venue,
    venue_symbol,
    resolution_hours,
    bucket_end,
    funding_rate,
    covered_hours,
    {{ apr('funding_rate', 'covered_hours') }} as apr,
    settlements
from ({{ resampled(ref('stg_funding_rates'), hours) }})
{%- if not loop.last %}
union all
{% endif -%}
{%- endfor %}
