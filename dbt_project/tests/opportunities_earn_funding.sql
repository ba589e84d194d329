-- The long leg has the lower rate, so a pair never starts out paying.
select *
from {{ ref('opportunities') }}
where divergence_8h < 0 or long_rate_8h > short_rate_8h
