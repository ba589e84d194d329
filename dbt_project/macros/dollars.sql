{# Generated from funding_platform/core/symbols.py by
   `python -m funding_platform.devtools.documents`. Do not edit. #}
{# Amounts in this quote currency are amounts in dollars. #}
{% macro is_dollar(quote) -%}
    upper({{ quote }}) in ('USD', 'USDT', 'USDC', 'USDT0', 'USDE', 'FDUSD', 'USDS', 'USDB', 'DAI', 'BUSD', 'TUSD', 'USD1', 'USDH')
{%- endmacro %}
