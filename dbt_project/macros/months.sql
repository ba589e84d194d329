{# Months that are kept, and worked out anew where their settlements changed: what a build is told of
   changes is a table of its file, made by funding_platform.lake.marts.changes. #}

{# Whether only months that changed are to be worked out: the build knows them, and the rest is held. #}
{% macro only_changed_months() %}
    {{ return(
        execute
        and load_relation(api.Relation.create(this.database, 'build', 'changes')) is not none
    ) }}
{% endmacro %}

{# A relation as the lake held it when the build began. #}
{% macro as_held(schema, name) %}
    {{ return(api.Relation.create('held', schema, name)) }}
{% endmacro %}

{# Settlements of a gap that are missing before the one that ends it. #}
{% macro missing_in(gap_hours, interval_hours) -%}
    case
        when {{ gap_hours }} < 1.5 * {{ interval_hours }} then 0
        when {{ gap_hours }} >= 1.5 * {{ interval_hours }}
            then round({{ gap_hours }} / {{ interval_hours }})::bigint - 1
    end
{%- endmacro %}

{# The hours of a month in which something settled, to the nearest: a 0 or a 1 for each, of one more
   than the longest month has, for what is stamped late in the last. #}
{% macro settled_hours(funding_time, month) -%}
    bitstring_agg(
        (round(epoch_ms({{ funding_time }}) / 3600000) - epoch_ms({{ month }}) / 3600000)::int, 0, 744
    )::varchar
{%- endmacro %}

{# The time between two settlements, in hours. #}
{% macro hours_between(earlier, later) -%}
    (epoch_us({{ later }}) - epoch_us({{ earlier }})) / 3.6e9
{%- endmacro %}

{# Which listing of its ticker a settlement is of: the number of those that had begun. #}
{% macro listing_of(funding_time) -%}
    coalesce(len(list_filter(known.begins, begin -> begin <= {{ funding_time }})), 0)
{%- endmacro %}

{# Settlements of the months that a build works out. Two are neighbours here where they lie in one month:
   what is between months is told by the first and the last of each. The bounds are for the lake, which
   looks into no file that lies outside of them. #}
{% macro month_settlements() %}
    with changed as materialized (
        select
            venue,
            month
        from {{ ref('changed_months') }}
    ),

    listed as (
        select
            rates.venue,
            rates.venue_symbol,
            rates.funding_time,
            rates.funding_rate,
            rates.interval_hours,
            rates.rate_8h,
            changed.month,
            known.listing_starts,
            {{ listing_of('rates.funding_time') }} as listing,
            listing < coalesce(len(known.begins), 0) as of_earlier_listing
        from {{ ref('stg_funding_rates') }} as rates
        inner join changed
            on rates.venue = changed.venue and date_trunc('month', rates.funding_time) = changed.month
        left join {{ ref('int_listings_known') }} as known
            on rates.venue = known.venue and rates.venue_symbol = known.venue_symbol
        where
            rates.funding_time >= (select coalesce(min(month), 'infinity'::timestamptz) from changed)
            and rates.funding_time < (select max(month) + interval 1 month from changed)
    )

    select
        *,
        lag(funding_time) over one_month as previous_time,
        lag(rate_8h) over one_month as previous_rate_8h,
        {{ hours_between('previous_time', 'funding_time') }} as gap_hours,
        {{ missing_in('gap_hours', 'interval_hours') }} as missing_before
    from listed
    window one_month as (partition by venue, month, venue_symbol, listing order by funding_time)
{% endmacro %}

{# Names of an instrument, of all of a venue, and of all there are, where sets of these are grouped. #}
{% macro names_of_all() -%}
    coalesce(venue, 'all venues') as venue,
        coalesce(venue_symbol, 'all instruments') as venue_symbol
{%- endmacro %}

{# Whether what the lake keeps around the quartiles is of the months that it should be of, and none of
   them has changed. #}
{% macro quartiles_hold() %}
    {%- if not only_changed_months() -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set found = run_query(
        'select coalesce(bool_and('
        ~ "until = (select date_trunc('month', max(as_of)) - interval 1 month from "
        ~ api.Relation.create(this.database, 'intermediate', 'int_statistics_periods') ~ ') '
        ~ 'and until <= (select coalesce(min(month), until) from build.changed_months)), false) as hold '
        ~ 'from (select max(until) as until from ' ~ as_held('marts', 'settled_quartiles') ~ ')'
    ) -%}
    {{ return(found.columns[0].values()[0]) }}
{% endmacro %}
