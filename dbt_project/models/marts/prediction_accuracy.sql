-- A prediction is set beside a settlement only where it is of that one: the venue says so by the time
-- that it names, or it was made since the settlement before.
with period as (
    select
        starts_at,
        as_of
    from {{ ref('int_statistics_periods') }}
    where period = '30d'
),

settled as (
    select
        rates.venue,
        rates.venue_symbol,
        rates.funding_rate,
        rates.interval_hours,
        period.as_of,
        {{ nearest_hour('rates.funding_time') }} as due
    from {{ ref('int_current_funding_rates') }} as rates
    inner join period
        on rates.funding_time > period.starts_at and rates.funding_time <= period.as_of
),

wanted as (
    select
        settled.*,
        leads.lead_hours::bigint as lead_hours,
        settled.due - leads.lead_hours as hour
    from settled
    cross join (values (1), (4), (8)) as leads (lead_hours)
),

recent as (
    select *
    from {{ ref('int_hourly_predictions') }}
    where seen_at >= (select starts_at - interval 9 hour from period)
),

-- The stream's before the snapshot's, and of each the nearest to the hour.
compared as (
    select
        wanted.venue,
        wanted.lead_hours,
        any_value(wanted.as_of) as as_of,
        any_value(wanted.funding_rate) as funding_rate,
        min(struct_pack(
            later := not recent.of_stream,
            distance_us := abs(epoch_us(recent.seen_at) - recent.hour * 3600000000),
            predicted_rate := recent.predicted_rate,
            lead_us := wanted.due * 3600000000 - epoch_us(recent.seen_at)
        )) as nearest
    from wanted
    inner join recent
        on
            wanted.venue = recent.venue
            and wanted.venue_symbol = recent.venue_symbol
            and wanted.hour = recent.hour
    where
        coalesce(
            {{ nearest_hour('recent.next_funding_time') }} = wanted.due,
            wanted.lead_hours < wanted.interval_hours
        )
    group by wanted.venue, wanted.venue_symbol, wanted.due, wanted.lead_hours
),

errors as (
    select
        venue,
        lead_hours,
        as_of,
        funding_rate,
        nearest.predicted_rate as predicted_rate,
        not nearest.later as of_stream,
        nearest.lead_us / 3.6e9 as lead,
        (nearest.predicted_rate - funding_rate) * 1e4 as error_bps
    from compared
)

select
    venue,
    lead_hours,
    any_value(as_of) as as_of,
    count(*) as settlements,
    avg(of_stream::int) as from_streams,
    avg(lead) as mean_lead_hours,
    avg(error_bps) as mean_error_bps,
    avg(abs(error_bps)) as mean_absolute_error_bps,
    {{ correlation('predicted_rate', 'funding_rate') }} as correlation
from errors
group by venue, lead_hours
