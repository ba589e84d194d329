{# Generated from funding_platform/core/market/asset_classes.py by
   `python -m funding_platform.devtools.documents`. Do not edit. #}
{# The asset that an instrument is on; null where it can be none of another's. #}
{% macro asset(base, asset_class) -%}
    case when {{ asset_class }} is distinct from 'other' then {{ base }} || ' ' || coalesce({{ asset_class }}, 'crypto') end
{%- endmacro %}
{# Whether two instruments are on one asset. #}
{% macro same_asset(one, other) -%}
    {{ asset(one ~ '.base', one ~ '.asset_class') }}
    = {{ asset(other ~ '.base', other ~ '.asset_class') }}
{%- endmacro %}
