-- What a pair earns on the venues' clocks: each settlement pays the leg's whole rate, whether the
-- pair was opened a minute or eight hours before. Rates are taken to stay as they are.
with clocks as (
    select
        *,
        epoch_us(observed_at) as now_us,
        {%- for leg in ['long', 'short'] %}
        round({{ leg }}.interval_hours * 3.6e9)::bigint as {{ leg }}_step_us,
        {{ next_settlement('epoch_us(' ~ leg ~ '.next_funding_time)', leg ~ '_step_us', 'now_us') }}
            as {{ leg }}_next_us{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_opportunity_pairs') }}
),

settled as (
    select
        *,
        {{ larger('long_next_us', 'short_next_us') }} as both_us
    from clocks
)

select
    base,
    long,
    short,
    divergence_8h,
    price_gap_bps,
    observed_at,
    make_timestamptz(long_next_us) as long_next_funding_time,
    make_timestamptz(short_next_us) as short_next_funding_time,
    make_timestamptz(both_us) as both_settled_at,
    short.rate * {{ settlements_until('short_next_us', 'short_step_us', 'both_us') }}
    - long.rate * {{ settlements_until('long_next_us', 'long_step_us', 'both_us') }}
        as return_until_both_settled
    {%- for horizon, hours in horizons().items() %}
    {%- set until = 'now_us + ' ~ hours * 3600000000 %},
    {%- for leg in ['short', 'long'] %}
    {{ '- ' if leg == 'long' }}{{ leg }}.rate * coalesce(
        {{ settlements_until(leg ~ '_next_us', leg ~ '_step_us', until) }},
        {{ hours }} / {{ leg }}.interval_hours
    )
    {%- endfor %} as funding_{{ horizon }}
    {%- endfor %}
from settled
