{# A table, not a view: coverage and the statistics read it, and it lays out every gap that there is. #}
{{ config(materialized='table') }}

-- Settlements that were due and are absent, one row each, those of a pause among them: the rules of
-- core/completeness.py and core/market/pauses.py, asked of the lake as flows/queries/upkeep/gaps.py
-- does. What gaps lack is laid out backwards from the settlement after them; the ends are told by
-- what the venue lists, within the span that was collected of it.

with collected as (
    select
        venue,
        min(window_start) as starts_at,
        max(least(window_end, started_at)) as ends_at,
        min(started_at) - {{ history_depth('venue') }} as kept_since
    from {{ ref('stg_collection_log') }}
    where dataset = 'core.funding_rates' and status <> 'failed'
    group by venue
),

-- Of an instrument that was listed before what the venue kept, nobody can tell what it dropped. One
-- that is halted or delisted may end.
lives as (
    select
        instruments.venue,
        instruments.venue_symbol,
        instruments.interval_hours * 3600000 as stated_ms,
        epoch_ms(collected.starts_at) as starts_ms,
        epoch_ms(collected.ends_at) as ends_ms,
        case
            when
                collected.kept_since is null
                or collected.kept_since <= collected.starts_at
                or collected.kept_since <= instruments.listed_at
                then epoch_ms(instruments.listed_at)
        end as from_ms,
        case
            when instruments.status = 'trading'
                then epoch_ms(least(instruments.last_seen_at, collected.ends_at))
        end as until_ms
    from {{ ref('stg_instruments') }} as instruments
    inner join collected using (venue)
),

ends as (
    select
        venue,
        venue_symbol,
        epoch_ms(min(first_funding_time)) as first_ms,
        epoch_ms(max(last_funding_time)) as last_ms,
        arg_min_null(first_interval_hours, first_funding_time) * 3600000 as first_step_ms,
        arg_max_null(last_interval_hours, last_funding_time) * 3600000 as last_step_ms
    from {{ ref('int_settlement_months') }}
    where not of_earlier_listing
    group by venue, venue_symbol
),

-- Within months and between them.
gaps as (
    select
        venue,
        venue_symbol,
        funding_time,
        interval_hours,
        missing_before
    from {{ ref('settlement_gaps') }}

    union all

    select
        venue,
        venue_symbol,
        first_funding_time as funding_time,
        first_interval_hours as interval_hours,
        missing_before
    from {{ ref('int_settlement_months') }}
    where missing_before > 0
),

-- Where to begin, in which steps, and how many.
stretches as (
    select
        venue,
        venue_symbol,
        'between' as kind,
        epoch_ms(funding_time) as origin_ms,
        -interval_hours * 3600000 as step_ms,
        missing_before as steps
    from gaps

    union all by name

    -- The first one is due when a whole interval has passed since listing.
    select
        venue,
        venue_symbol,
        'opening' as kind,
        ends.first_ms as origin_ms,
        -ends.first_step_ms as step_ms,
        floor(
            (ends.first_ms - greatest(lives.from_ms, lives.starts_ms - ends.first_step_ms))
            / ends.first_step_ms
        )::bigint - 1 as steps
    from ends
    inner join lives using (venue, venue_symbol)
    where lives.from_ms is not null and ends.first_step_ms is not null

    union all by name

    -- A venue that states a longer interval now has changed it since the last settlement.
    select
        venue,
        venue_symbol,
        'stopped' as kind,
        ends.last_ms as origin_ms,
        greatest(ends.last_step_ms, lives.stated_ms) as step_ms,
        floor((lives.until_ms - {{ lateness_ms() }} - ends.last_ms) / step_ms)::bigint as steps
    from ends
    inner join lives using (venue, venue_symbol)
    where lives.until_ms is not null

    union all by name

    -- Without any settlement, they are due on multiples of the interval.
    select
        lives.venue,
        lives.venue_symbol,
        'silent' as kind,
        greatest(ceil(lives.from_ms / lives.stated_ms), floor((lives.starts_ms - 1) / lives.stated_ms))
        * lives.stated_ms as origin_ms,
        lives.stated_ms as step_ms,
        floor((lives.until_ms - {{ lateness_ms() }}) / step_ms)::bigint
        - (origin_ms / step_ms)::bigint as steps
    from lives
    anti join ends using (venue, venue_symbol)
    where lives.from_ms is not null and lives.until_ms is not null
),

-- To the minute: some venues stamp the full hour seconds late.
laid_out as (
    select
        venue,
        venue_symbol,
        kind,
        to_timestamp(origin_ms / 1000) as laid_out_from,
        origin_ms + step_ms * unnest(generate_series(1, steps)) as due_ms,
        to_timestamp(due_ms / 1000) as due_time,
        to_timestamp(round(due_ms / 60000) * 60) as missing_time
    from stretches
    where steps > 0
),

-- A pause that all instruments of an asset class on a venue share, as at weekends: coins have none.
classes as (
    select
        venue,
        venue_symbol,
        asset_class
    from {{ ref('stg_instruments') }}
    where asset_class in ({{ pausing() }})
),

-- Read off months that are kept: all that a class ever settled is not looked at every hour.
class_months as (
    select
        venue,
        classes.asset_class,
        epoch_ms(months.month) / 3600000 as first_hour,
        bit_or(months.settled_hours::bit) as settled_hours
    from {{ ref('settlement_months') }} as months
    inner join classes using (venue, venue_symbol)
    group by venue, classes.asset_class, months.month
),

settled as (
    select
        venue,
        asset_class,
        first_hour + numbers.number as hour
    from class_months
    cross join (select unnest(range(745))::int as number) as numbers
    where get_bit(settled_hours, numbers.number) = 1
),

lacking as (
    select
        venue,
        venue_symbol,
        classes.asset_class,
        round(epoch_ms(laid_out.missing_time) / 3600000) as hour
    from laid_out
    inner join classes using (venue, venue_symbol)
    where laid_out.kind = 'between'
),

silent_hours as (
    select
        *,
        hour - lag(hour) over (partition by venue, asset_class order by hour) > 1 as opens
    from lacking
    anti join settled using (venue, asset_class, hour)
),

runs as (
    select
        *,
        count_if(opens) over (partition by venue, asset_class order by hour) as run
    from silent_hours
),

pauses as (
    select
        venue,
        asset_class,
        unnest(list(distinct hour)) as hour
    from runs
    group by venue, asset_class, run
    having count(distinct venue_symbol) >= {{ pause_symbols() }}
)

select
    laid_out.* exclude (due_ms),
    laid_out.kind = 'between'
    or coalesce(
        laid_out.missing_time >= collected.starts_at and laid_out.missing_time < collected.ends_at, false
    ) as in_span,
    pauses.hour is not null as in_pause
from laid_out
left join collected using (venue)
left join classes using (venue, venue_symbol)
left join pauses
    on
        laid_out.kind = 'between'
        and laid_out.venue = pauses.venue
        and classes.asset_class = pauses.asset_class
        and round(epoch_ms(laid_out.missing_time) / 3600000) = pauses.hour
