-- depends_on: {{ ref('int_listings_known') }}
{% if only_changed_months() -%}
select venue, month
from build.changes

union

-- Of a ticker whose listings are told apart otherwise than they were, every month has changed.
select distinct
    months.venue,
    months.month
from {{ as_held('marts', 'settlement_months') }} as months
left join {{ ref('int_listings_known') }} as known using (venue, venue_symbol)
where months.listing_starts is distinct from known.listing_starts
{%- else -%}
select distinct
    venue,
    date_trunc('month', funding_time) as month
from {{ ref('stg_funding_rates') }}
{%- endif %}
