{{ config(materialized='table') }}

-- Exact, of what is kept around the quartiles of earlier months and of all that settled since. A rate
-- has a rank where it is known how many lower ones there are: where none can lie between it and its
-- neighbours that are not kept.
with recent as (
    select
        {{ names_of_all() }},
        rate_8h,
        count(*) as settlements
    from {{ ref('int_current_funding_rates') }}
    where
        rate_8h is not null
        and funding_time >= (
            select coalesce(max(until), to_timestamp(0)) from {{ ref('settled_quartiles') }}
        )
    group by grouping sets ((venue, venue_symbol, rate_8h), (venue, rate_8h), (rate_8h))
),

rates as (
    select
        venue,
        venue_symbol,
        rate_8h,
        kept.below,
        coalesce(kept.settlements, 0) as earlier,
        coalesce(recent.settlements, 0) as later,
        kept.of_all
    from {{ ref('settled_quartiles') }} as kept
    full join recent using (venue, venue_symbol, rate_8h)
),

beside as (
    select
        *,
        sum(later) over upwards - later as later_below,
        coalesce(last_value(below + earlier ignore nulls) over upwards, 0) as earlier_up_to,
        coalesce(max(of_all) over one_group, 0) as all_earlier,
        coalesce(
            first_value(below ignore nulls) over (
                partition by venue, venue_symbol
                order by rate_8h
                rows between current row and unbounded following
            ),
            all_earlier
        ) as next_below,
        all_earlier + sum(later) over one_group as scaled
    from rates
    window
        one_group as (partition by venue, venue_symbol),
        upwards as (
            partition by venue, venue_symbol
            order by rate_8h
            rows between unbounded preceding and current row
        )
),

ranked as (
    select
        venue,
        venue_symbol,
        scaled,
        rate_8h,
        case
            when below is not null then below
            when earlier_up_to = next_below then next_below
        end + later_below as first_rank,
        first_rank + earlier + later - 1 as last_rank
    from beside
),

found as (
    select
        venue,
        venue_symbol
        {%- for quartile in [1, 2, 3] %},
        {{ quartile }} * (any_value(scaled) - 1) / 4 as rank_{{ quartile }},
        {%- for end in ['floor', 'ceil'] %}
        max(rate_8h) filter (
            where {{ end }}({{ quartile }} * (scaled - 1) / 4) between first_rank and last_rank
        ) as {{ end }}_{{ quartile }}{{ ',' if not loop.last }}
        {%- endfor %}
        {%- endfor %}
    from ranked
    group by venue, venue_symbol
)

select
    venue,
    venue_symbol,
    [
        {%- for quartile in [1, 2, 3] %}
        floor_{{ quartile }} + (ceil_{{ quartile }} - floor_{{ quartile }}) * (rank_{{ quartile }} - floor(rank_{{ quartile }}))
        {{- ',' if not loop.last }}
        {%- endfor %}
    ] as quartiles,
    len(list_filter(quartiles, quartile -> quartile is null)) > 0 as out_of_reach
from found
