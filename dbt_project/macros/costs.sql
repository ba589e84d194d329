{# What a pair costs to open and to close, in basis points of one leg's notional. #}

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
   point is size / (2 D) away from where it began; D is taken to be a share of the daily volume. #}
{% macro impact_bps(size_usd, volume_24h_usd) -%}
    {{ size_usd }} / (2 * nullif({{ volume_24h_usd }}, 0) * {{ var('depth_share') }})
{%- endmacro %}
