{# Settlements shared out over the hours that they pay for, added up in buckets of `hours` hours.

   A settlement of interval i pays for the round(i) full hours, at least one, that end at the hour
   nearest to it: a venue stamps the full hour seconds late. Each of them gets the same share. Where
   the interval is unknown the settlement stays in its last hour, and how many hours the bucket
   covers is unknown. A bucket is named by its end, and only whole shares are moved, so that the
   buckets add up to the settlements. #}
{% macro resampled(settlements, hours) %}
    select
        venue,
        venue_symbol,
        {{ hours }}::bigint as resolution_hours,
        to_timestamp(bucket * {{ hours }} * 3600) as bucket_end,
        sum(funding_rate * shared_hours / paid_hours) as funding_rate,
        case when count(interval_hours) = count(*) then sum(shared_hours)::double end as covered_hours,
        count(*) filter (where bucket = last_bucket) as settlements
    from (
        select
            *,
            least(last_hour, bucket * {{ hours }})
            - greatest(last_hour - paid_hours, (bucket - 1) * {{ hours }}) as shared_hours
        from (
            select
                venue,
                venue_symbol,
                funding_rate,
                interval_hours,
                (epoch_us(funding_time) + 1800000000) // 3600000000 as last_hour,
                greatest(round(coalesce(interval_hours, 1))::bigint, 1) as paid_hours,
                (last_hour + {{ hours }} - 1) // {{ hours }} as last_bucket,
                unnest(
                    generate_series((last_hour - paid_hours) // {{ hours }} + 1, last_bucket)
                ) as bucket
            from {{ settlements }}
        )
    )
    group by venue, venue_symbol, bucket
{% endmacro %}
