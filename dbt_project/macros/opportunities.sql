{# Generated from funding_platform/arbitrage/formulas.py and core/tables/marts/reasons.py by
   `python -m funding_platform.devtools.documents`. Do not edit. #}
{# The holding times that funding and net are stated for, in hours. #}
{% macro horizons() -%}
    {{ return({'8h': 8, '1d': 24, '3d': 72, '7d': 168}) }}
{%- endmacro %}
{# The sizes that order books are measured for, in dollars. #}
{% macro sizes() -%}
    {{ return({'1k': 1000, '10k': 10000, '100k': 100000, '1m': 1000000}) }}
{%- endmacro %}
{# How far the short leg's price lies above the long leg's, in basis points. #}
{% macro price_gap_bps(short_price, long_price) -%}
    ({{ short_price }} / nullif({{ long_price }}, 0) - 1) * 1e4
{%- endmacro %}
{# Both legs are traded twice. #}
{% macro four_trades(long_bps, short_bps) -%}
    2 * ({{ long_bps }} + {{ short_bps }})
{%- endmacro %}
{# What crossing half the spread costs: an assumed one where there is no book, nothing where the
   book is crossed. #}
{% macro half_spread_bps(spread_bps) -%}
    greatest(coalesce({{ spread_bps }}, {{ var('assumed_spread_bps') }}), 0) / 2
{%- endmacro %}
{# The average price paid by an order that walks a book of constant density D dollars per basis
   point is size / (2 D) away from where it began; D is a share of the daily volume. #}
{% macro impact_bps(size_usd, volume_24h_usd) -%}
    {{ size_usd }} / (2 * nullif({{ volume_24h_usd }}, 0) * {{ var('depth_share', 0.001) }})
{%- endmacro %}
{# What a trade of some size moves a measured book: the mean of buying and selling, from mid,
   less half the spread of that book, which is a cost of its own. #}
{% macro book_impact_bps(buy_bps, sell_bps, ask, bid, mid) -%}
    case when ({{ buy_bps }} + {{ sell_bps }}) / 2 - ({{ ask }} - {{ bid }}) / {{ mid }} * 1e4 / 2 is not null then greatest(({{ buy_bps }} + {{ sell_bps }}) / 2 - ({{ ask }} - {{ bid }}) / {{ mid }} * 1e4 / 2, 0) end
{%- endmacro %}
{# The impact of any size, on straight lines between the sizes measured; null beyond what the
   book was seen to hold. #}
{% macro measured_impact_bps(size_usd, at_1k, at_10k, at_100k, at_1m) -%}
    case when {{ size_usd }} <= 1000 then {{ at_1k }} * {{ size_usd }} / 1000 when {{ size_usd }} <= 10000 then {{ at_1k }} + ({{ at_10k }} - {{ at_1k }}) * ({{ size_usd }} - 1000) / 9000 when {{ size_usd }} <= 100000 then {{ at_10k }} + ({{ at_100k }} - {{ at_10k }}) * ({{ size_usd }} - 10000) / 90000 when {{ size_usd }} <= 1000000 then {{ at_100k }} + ({{ at_1m }} - {{ at_100k }}) * ({{ size_usd }} - 100000) / 900000 end
{%- endmacro %}
{# The impact of one trade of a leg: as measured, else by the model, and then no less than the
   largest size that was measured moves the book. #}
{% macro leg_impact_bps(measured_bps, model_bps, at_1m, at_100k, at_10k, at_1k) -%}
    case when {{ measured_bps }} is not null then {{ measured_bps }} when {{ model_bps }} is not null then greatest({{ model_bps }}, coalesce({{ at_1m }}, {{ at_100k }}, {{ at_10k }}, {{ at_1k }}, 0)) end
{%- endmacro %}
{# Which of the two it is. #}
{% macro impact_source(measured_bps, model_bps) -%}
    case when {{ measured_bps }} is not null then 'measured' when {{ model_bps }} is not null then 'model' end
{%- endmacro %}
{# The impact at one of the sizes: of a leg that was measured what was measured, null included;
   of another by the model, in proportion to size. #}
{% macro impact_at_bps(at_1k, at, model_bps, at_usd, size_usd) -%}
    case when {{ at_1k }} is not null then {{ at }} else {{ model_bps }} * {{ at_usd }} / {{ size_usd }} end
{%- endmacro %}
{# The largest size of each leg whose four trades have no more impact than is stated; never more
   than was measured, or than the largest size. #}
{% macro max_size_usd(at_1k, at_10k, at_100k, at_1m) -%}
    case when {{ at_1k }} is null then null when {{ at_1k }} > {{ var('max_impact_cost_bps') }} then 1000 * {{ var('max_impact_cost_bps') }} / {{ at_1k }} when {{ at_10k }} is null then 1000 when {{ at_10k }} > {{ var('max_impact_cost_bps') }} then 1000 + 9000 * ({{ var('max_impact_cost_bps') }} - {{ at_1k }}) / ({{ at_10k }} - {{ at_1k }}) when {{ at_100k }} is null then 10000 when {{ at_100k }} > {{ var('max_impact_cost_bps') }} then 10000 + 90000 * ({{ var('max_impact_cost_bps') }} - {{ at_10k }}) / ({{ at_100k }} - {{ at_10k }}) when {{ at_1m }} is null then 100000 when {{ at_1m }} > {{ var('max_impact_cost_bps') }} then 100000 + 900000 * ({{ var('max_impact_cost_bps') }} - {{ at_100k }}) / ({{ at_1m }} - {{ at_100k }}) else 1000000 end
{%- endmacro %}
{# What opening and closing costs with crossing orders. #}
{% macro taker_cost_bps(taker_fees_bps, spread_cost_bps, impact_cost_bps) -%}
    {{ taker_fees_bps }} + {{ spread_cost_bps }} + {{ impact_cost_bps }}
{%- endmacro %}
{# The same with resting orders, which pay no spread and move no price. #}
{% macro maker_cost_bps(maker_fees_bps) -%}
    {{ maker_fees_bps }}
{%- endmacro %}
{# What is left of the funding when the trades are paid. #}
{% macro net(funding, cost_bps) -%}
    {{ funding }} - {{ cost_bps }} / 1e4
{%- endmacro %}
{# The same of half the funding. #}
{% macro net_if_halved(funding, cost_bps) -%}
    {{ funding }} / 2 - {{ cost_bps }} / 1e4
{%- endmacro %}
{# The time after which the divergence has paid the costs. #}
{% macro break_even_hours(cost_bps, divergence_8h) -%}
    {{ cost_bps }} / 1e4 * 8 / nullif({{ divergence_8h }}, 0)
{%- endmacro %}
{# The half-life of an AR(1) whose slope over lag hours was estimated from pairs that do not
   overlap: null where it may be white noise's or, debiased, does not decay. It is that of
   core/market/persistence.py. #}
{% macro half_life_hours(slope, pairs, lag_hours) -%}
    case when ({{ slope }} + 1 / {{ pairs }}) * sqrt({{ pairs }}) > 2.326 and {{ pairs }} * {{ slope }} + 1 < {{ pairs }} - 3 then {{ lag_hours }} * ln(0.5) / ln(({{ pairs }} * {{ slope }} + 1) / ({{ pairs }} - 3)) end
{%- endmacro %}
{# The verdict, from whether any reason to reject holds and any to watch. #}
{% macro tier(rejected, watched) -%}
    CASE WHEN {{ rejected }} THEN 'reject' WHEN {{ watched }} THEN 'watch' ELSE 'actionable' END
{%- endmacro %}
{# What makes a pair no opportunity. #}
{% macro codes_to_reject() -%}
    ['long_stale', 'short_stale', 'long_halted', 'short_halted', 'long_rate_unknown', 'short_rate_unknown', 'long_interval_unknown', 'short_interval_unknown', 'long_fee_unknown', 'short_fee_unknown', 'long_volume_unknown', 'short_volume_unknown', 'price_gap_wide', 'price_gap_unknown', 'no_divergence', 'no_net_in_7d']
{%- endmacro %}
{# Those of them that hold. #}
{% macro reject_reasons() -%}
    [code FOR code IN [
        CASE WHEN long.stale THEN 'long_stale' END,
        CASE WHEN short.stale THEN 'short_stale' END,
        CASE WHEN long.status <> 'trading' THEN 'long_halted' END,
        CASE WHEN short.status <> 'trading' THEN 'short_halted' END,
        CASE WHEN long.rate IS NULL THEN 'long_rate_unknown' END,
        CASE WHEN short.rate IS NULL THEN 'short_rate_unknown' END,
        CASE WHEN long.interval_hours IS NULL THEN 'long_interval_unknown' END,
        CASE WHEN short.interval_hours IS NULL THEN 'short_interval_unknown' END,
        CASE WHEN long.taker_bps IS NULL THEN 'long_fee_unknown' END,
        CASE WHEN short.taker_bps IS NULL THEN 'short_fee_unknown' END,
        CASE WHEN coalesce(long.volume_24h_usd, 0) = 0 THEN 'long_volume_unknown' END,
        CASE WHEN coalesce(short.volume_24h_usd, 0) = 0 THEN 'short_volume_unknown' END,
        CASE WHEN abs(price_gap_bps) > {{ var('wide_price_gap_bps', 100) }} THEN 'price_gap_wide' END,
        CASE WHEN price_gap_bps IS NULL THEN 'price_gap_unknown' END,
        CASE WHEN divergence_8h = 0 THEN 'no_divergence' END,
        CASE WHEN net_7d <= 0 THEN 'no_net_in_7d' END
    ] IF code IS NOT NULL]
{%- endmacro %}
{# What keeps a pair from being acted upon, so far as it holds. #}
{% macro watch_reasons() -%}
    [code FOR code IN [
        CASE WHEN long.open_interest_usd IS NULL THEN 'long_open_interest_unknown' END,
        CASE WHEN short.open_interest_usd IS NULL THEN 'short_open_interest_unknown' END,
        CASE WHEN long.spread_bps IS NULL THEN 'long_spread_assumed' END,
        CASE WHEN short.spread_bps IS NULL THEN 'short_spread_assumed' END,
        CASE WHEN long_next_funding_time IS NULL THEN 'long_clock_unknown' END,
        CASE WHEN short_next_funding_time IS NULL THEN 'short_clock_unknown' END,
        CASE WHEN min_open_interest_usd < {{ var('thin_open_interest_usd') }} THEN 'thin_open_interest' END,
        CASE WHEN min_volume_24h_usd < {{ var('thin_volume_usd') }} THEN 'thin_volume' END,
        CASE WHEN net_3d <= 0 THEN 'no_net_in_3d' END,
        CASE WHEN net_7d_if_halved <= 0 THEN 'no_net_if_halved' END,
        CASE WHEN settled_7d <= 0 THEN 'lost_over_7d' END,
        CASE WHEN settled_7d IS NULL THEN 'past_unknown' END,
        CASE WHEN same_sign_share < {{ var('min_same_sign_share') }} THEN 'flickering' END
    ] IF code IS NOT NULL]
{%- endmacro %}
