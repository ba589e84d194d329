{{ config(meta={'dagster': {'ref': {'name': 'opportunities'}}}) }}

-- Never a silent filter: each two legs of one asset at two venues are a row, whatever is unknown.
with expected as (
    select
        one.base,
        count(*) as pairs
    from {{ ref('int_opportunity_legs') }} as one
    inner join {{ ref('int_opportunity_legs') }} as other
        on {{ same_asset('one', 'other') }} and one.venue < other.venue
    group by one.base
),

found as (
    select
        base,
        count(*) as pairs
    from {{ ref('opportunities') }}
    group by base
)

select *
from expected
full join found using (base)
where expected.pairs is distinct from found.pairs
