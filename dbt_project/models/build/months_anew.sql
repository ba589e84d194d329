-- Sums, so that months can be added up.
with settlements as (
    select
        settlements.*,
        {{ at_default('settlements', 'defaults') }} as at_default,
        missing_before = 0 and previous_rate_8h is not null as follows,
        case when follows then rate_8h end as following,
        case when follows then previous_rate_8h end as followed
    from ({{ month_settlements() }}) as settlements
    {{ beside_defaults('settlements', 'defaults') }}
)

select
    venue,
    venue_symbol,
    month,
    listing,
    of_earlier_listing,
    listing_starts,
    count(*) as settlements,
    min(interval_hours) as min_interval_hours,
    max(interval_hours) as max_interval_hours,
    max(gap_hours) as widest_gap_hours,
    coalesce(sum(missing_before), 0)::bigint as missing,
    min(funding_time) as first_funding_time,
    arg_min_null(interval_hours, funding_time) as first_interval_hours,
    arg_min_null(rate_8h, funding_time) as first_rate_8h,
    max(funding_time) as last_funding_time,
    arg_max(funding_rate, funding_time) as last_rate,
    arg_max_null(interval_hours, funding_time) as last_interval_hours,
    arg_max_null(rate_8h, funding_time) as last_rate_8h,
    count(rate_8h) as scaled,
    sum(rate_8h) as sum_rate_8h,
    sum(rate_8h * rate_8h) as sum_squares_8h,
    min(rate_8h) as min_rate_8h,
    max(rate_8h) as max_rate_8h,
    count(*) filter (where rate_8h > 0) as positive,
    count(at_default) as with_default,
    count(*) filter (where at_default) as at_default,
    sum(funding_rate) filter (where interval_hours is not null) as sum_rate,
    sum(interval_hours) as sum_hours,
    sum(funding_rate * funding_rate) filter (where interval_hours is not null) as sum_squares,
    sum(funding_rate * interval_hours) as sum_rate_hours,
    sum(interval_hours * interval_hours) as sum_squared_hours,
    count(following) as neighbours,
    sum(following) as sum_following_8h,
    sum(followed) as sum_followed_8h,
    sum(following * following) as sum_following_squares,
    sum(followed * followed) as sum_followed_squares,
    sum(following * followed) as sum_neighbour_products,
    min(following) as min_following_8h,
    max(following) as max_following_8h,
    min(followed) as min_followed_8h,
    max(followed) as max_followed_8h,
    {{ settled_hours('funding_time', 'month') }} as settled_hours,
    list({
        'funding_time': funding_time,
        'interval_hours': interval_hours,
        'missing_before': missing_before
    }) filter (where missing_before > 0) as gaps
from settlements
group by venue, venue_symbol, month, listing, of_earlier_listing, listing_starts
