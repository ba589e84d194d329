with attempts as (
    select
        *,
        max(finished_at) over () as as_of,
        finished_at > as_of - interval 7 day as recent,
        max(finished_at) filter (where status <> 'failed') over (partition by venue) as last_success_at,
        max(finished_at) filter (where status <> 'failed') over (partition by venue, dataset)
            as dataset_success_at
    from {{ ref('stg_collection_log') }}
),

-- A venue may serve one dataset and refuse another: errors follow each other within a dataset.
errors_in_a_row as (
    select
        venue,
        dataset,
        count(*) filter (
            where status = 'failed' and (dataset_success_at is null or finished_at > dataset_success_at)
        ) as errors
    from attempts
    group by venue, dataset
),

failing as (
    select
        venue,
        max(errors) as consecutive_errors,
        max_by(dataset, (errors, dataset)) filter (where errors > 0) as failing_dataset
    from errors_in_a_row
    group by venue
),

served as (
    select
        venue,
        any_value(as_of) as as_of,
        max(finished_at) as last_attempt_at,
        any_value(last_success_at) as last_success_at,
        count(*) filter (where recent) as attempts_7d,
        avg((status = 'failed')::int) filter (where recent) as error_rate_7d,
        sum(latency_ms * requests) filter (where recent)
        / nullif(sum(requests) filter (where recent and latency_ms is not null), 0) as mean_latency_ms_7d,
        arg_max(breaker_state, finished_at) as breaker_state,
        arg_max(error_kind, finished_at) as last_error_kind,
        arg_max(error, finished_at) as last_error
    from attempts
    group by venue
),

settled as (
    select
        venue,
        min(first_funding_time) as oldest_funding_time,
        max(last_funding_time) as newest_funding_time
    from {{ ref('settlement_months') }}
    group by venue
),

seen as (
    select
        venue,
        max(market.observed_at) as newest_snapshot_at,
        min(market.observed_at) filter (where instruments.status = 'trading') as stalest_snapshot_at
    from {{ ref('stg_market_snapshots') }} as market
    left join {{ ref('stg_instruments') }} as instruments using (venue, venue_symbol)
    group by venue
)

select
    venue,
    served.as_of,
    served.last_attempt_at,
    served.last_success_at,
    failing.consecutive_errors,
    failing.failing_dataset,
    served.attempts_7d,
    served.error_rate_7d,
    served.mean_latency_ms_7d,
    served.breaker_state,
    served.last_error_kind,
    served.last_error,
    settled.oldest_funding_time,
    settled.newest_funding_time,
    seen.newest_snapshot_at,
    seen.stalest_snapshot_at
from served
left join failing using (venue)
full join settled using (venue)
full join seen using (venue)
