-- Where listings begin whose ticker another contract had before: the rule of core/market/listings.py.
with stamps as (
    select
        venue,
        venue_symbol,
        listed_at,
        bool_or(relisted) as relisted
    from (
        select
            venue,
            venue_symbol,
            listed_at,
            false as relisted
        from {{ ref('stg_instruments') }}
        union all
        select
            venue,
            venue_symbol,
            case when relisted then coalesce(listed_at, first_seen_at) else listed_at end,
            relisted
        from {{ ref('stg_listings') }}
    )
    where listed_at is not null
    group by venue, venue_symbol, listed_at
),

{% if only_changed_months() -%}
-- Settlements before the listing are looked for where some may be: of tickers that had some when the last
-- build began, and in months that changed since. The bounds are for the lake, which looks into no file
-- that lies outside of them; with none to be looked for, they leave nothing.
reach as (
    select
        venue,
        venue_symbol,
        first_funding_time as time
    from {{ as_held('marts', 'settlement_months') }}

    union all

    select
        stamps.venue,
        stamps.venue_symbol,
        changes.month as time
    from stamps
    inner join build.changes as changes using (venue)
),

reaching as (
    select
        venue,
        venue_symbol,
        stamps.listed_at,
        min(reach.time) as starts_at
    from stamps
    inner join reach using (venue, venue_symbol)
    group by venue, venue_symbol, stamps.listed_at
    having starts_at < stamps.listed_at
),
{%- else -%}
reaching as (
    from stamps
),
{%- endif %}

earlier as (
    select
        venue,
        venue_symbol,
        reaching.listed_at,
        rates.funding_time as time,
        rates.funding_rate
    from {{ ref('stg_funding_rates') }} as rates
    inner join reaching using (venue, venue_symbol)
    where
        rates.funding_time < reaching.listed_at
        {%- if only_changed_months() %}
        and rates.funding_time >= (select coalesce(min(starts_at), 'infinity'::timestamptz) from reaching)
        and rates.funding_time < (select coalesce(max(listed_at), '-infinity'::timestamptz) from reaching)
        {%- endif %}
),

moments as (
    from earlier
    union all by name
    select distinct
        venue,
        venue_symbol,
        listed_at,
        listed_at as time
    from earlier
),

changes as (
    select
        *,
        case when funding_rate is distinct from lag(funding_rate) over one_listing then time end as changed_at
    from moments
    window one_listing as (partition by venue, venue_symbol, listed_at order by time)
),

-- A rate that stays the same for very long is that of a contract that is gone.
alive as (
    select
        *,
        lag(time) over one_listing as previous,
        max(changed_at) over (
            partition by venue, venue_symbol, listed_at
            order by time
            rows between unbounded preceding and 1 preceding
        ) as run_from,
        case when time - run_from > {{ frozen() }} then run_from else previous end as last_sign
    from changes
    window one_listing as (partition by venue, venue_symbol, listed_at order by time)
),

silent as (
    select
        venue,
        venue_symbol,
        listed_at,
        max(time) as since
    from alive
    where time - last_sign > {{ silence() }} and time > listed_at - {{ late_stamp() }}
    group by venue, venue_symbol, listed_at
)

select distinct
    venue,
    venue_symbol,
    coalesce(silent.since, stamps.listed_at) as since
from stamps
left join silent using (venue, venue_symbol, listed_at)
where stamps.relisted or silent.since is not null
