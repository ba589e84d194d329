-- An override stands for the seed's row of the same start; a revoked one uncovers it again.
with newest_overrides as (
    select *
    from {{ source('core', 'fee_overrides') }}
    qualify
        row_number() over (
            partition by venue, tier, effective_from
            order by recorded_at desc
        ) = 1
),

stated as (
    select
        venue,
        tier,
        effective_from,
        maker_bps,
        taker_bps,
        min_volume_30d_usd,
        source,
        false as overridden
    from {{ ref('fee_schedules') }}
    union all
    select
        venue,
        tier,
        effective_from,
        maker_bps,
        taker_bps,
        min_volume_30d_usd,
        note as source,
        true as overridden
    from newest_overrides
    where not revoked
),

standing as (
    select *
    from stated
    qualify
        row_number() over (
            partition by venue, tier, effective_from
            order by overridden desc
        ) = 1
)

select
    venue,
    tier,
    effective_from,
    lead(effective_from) over (partition by venue, tier order by effective_from)
        as effective_until,
    maker_bps,
    taker_bps,
    min_volume_30d_usd,
    source,
    overridden
from standing
