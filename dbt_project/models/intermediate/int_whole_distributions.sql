{{ config(materialized='table') }}

-- Months added up, and what lies between them: the first settlement of a month and the one before it
-- are neighbours too.
with months as (
    select
        *,
        case when missing_before = 0 then previous_rate_8h end as followed,
        case when followed is not null then first_rate_8h end as following,
        (followed is not null)::int as joined
    from {{ ref('int_settlement_months') }}
    where not of_earlier_listing
),

sums as (
    select
        venue,
        venue_symbol,
        sum(settlements)::bigint as settlements,
        (sum(missing) + coalesce(sum(missing_before), 0))::bigint as missing,
        sum(scaled)::bigint as scaled,
        sum(sum_rate_8h) as rates,
        sum(sum_squares_8h) as squares,
        min(min_rate_8h) as min_8h,
        max(max_rate_8h) as max_8h,
        sum(positive) as positive,
        sum(with_default) as with_default,
        sum(at_default) as at_default,
        sum(sum_rate) as paid,
        sum(sum_hours) as hours,
        sum(sum_squares) as paid_squares,
        sum(sum_rate_hours) as paid_hours,
        sum(sum_squared_hours) as squared_hours,
        sum(neighbours + joined) as neighbours,
        sum(coalesce(sum_following_8h, 0) + coalesce(following, 0)) as followings,
        sum(coalesce(sum_followed_8h, 0) + coalesce(followed, 0)) as followeds,
        sum(coalesce(sum_following_squares, 0) + coalesce(following * following, 0)) as following_squares,
        sum(coalesce(sum_followed_squares, 0) + coalesce(followed * followed, 0)) as followed_squares,
        sum(coalesce(sum_neighbour_products, 0) + coalesce(following * followed, 0)) as products,
        min(least(min_following_8h, following)) as min_following,
        max(greatest(max_following_8h, following)) as max_following,
        min(least(min_followed_8h, followed)) as min_followed,
        max(greatest(max_followed_8h, followed)) as max_followed,
        min(first_funding_time) as first_funding_time,
        max(last_funding_time) as last_funding_time
    from months
    group by grouping sets ((venue, venue_symbol), (venue), ())
)

select
    sums.venue,
    sums.venue_symbol,
    'all' as period,
    sums.settlements,
    sums.missing,
    sums.settlements - sums.scaled as unscaled,
    sums.rates / nullif(sums.scaled, 0) as mean_8h,
    {{ deviation_of('sums.scaled', 'sums.rates', 'sums.squares', 'sums.min_8h', 'sums.max_8h') }} as sigma_8h,
    sums.min_8h,
    sums.max_8h,
    {{ volatility_of('sums.scaled', 'sums.paid', 'sums.paid_squares', 'sums.paid_hours', 'sums.hours', 'sums.squared_hours') }}
        as volatility,
    {{ apr('sums.paid', 'sums.hours') }} as mean_apr,
    sums.positive / nullif(sums.scaled, 0) as share_positive,
    sums.at_default / nullif(sums.with_default, 0) as share_at_default,
    case
        when
            sums.neighbours > 2
            and sums.min_following < sums.max_following
            and sums.min_followed < sums.max_followed
            then greatest(-1, least(1,
                (sums.neighbours * sums.products - sums.followings * sums.followeds)
                / nullif(sqrt(
                    greatest(sums.neighbours * sums.following_squares - sums.followings * sums.followings, 0)
                    * greatest(sums.neighbours * sums.followed_squares - sums.followeds * sums.followeds, 0)
                ), 0)
            ))
    end as autocorrelation,
    sums.first_funding_time,
    sums.last_funding_time,
    quartiles.quartiles[1] as quartile_1_8h,
    quartiles.quartiles[2] as median_8h,
    quartiles.quartiles[3] as quartile_3_8h
from sums
left join {{ ref('int_whole_quartiles') }} as quartiles
    on
        coalesce(sums.venue, 'all venues') = quartiles.venue
        and coalesce(sums.venue_symbol, 'all instruments') = quartiles.venue_symbol
where sums.settlements > 0
