-- What an unknown figure goes into is unknown, and the pair is rejected for it.
select *
from {{ ref('opportunities') }}
where
    (cost_bps is null) <> (
        long_taker_bps is null
        or short_taker_bps is null
        or long_impact_source is null
        or short_impact_source is null
    )
    or (long_impact_model_bps is null) <> (coalesce(long_volume_24h_usd, 0) = 0)
    or (short_impact_model_bps is null) <> (coalesce(short_volume_24h_usd, 0) = 0)
    or (long_impact_bps is null) <> (long_impact_source is null)
    or (short_impact_bps is null) <> (short_impact_source is null)
    or (net_7d is null) <> (cost_bps is null or funding_7d is null)
    or (net_7d is null and tier <> 'reject')
    or (min_open_interest_usd is null) <> (long_open_interest_usd is null or short_open_interest_usd is null)
    or (discovered_at is null) <> (tier = 'reject')
