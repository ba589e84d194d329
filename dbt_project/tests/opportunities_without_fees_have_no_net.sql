-- An unknown fee is never counted as free.
select *
from {{ ref('opportunities') }}
where (fees_bps is null) <> (net_return is null) or (net_return is null) <> (net_apr is null)
