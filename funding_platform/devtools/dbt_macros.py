"""dbt macros that say in SQL what Python declares: rules of ``core``, costs, reasons.

Macros with logic of their own are written by hand, in files that nothing here writes.
"""

from collections.abc import Iterable, Mapping
from textwrap import fill

from funding_platform.arbitrage.formulas import FORMULAS, Formula, codes_that_hold, inputs_of
from funding_platform.core.assumptions import DEPTH_SHARE
from funding_platform.core.market.asset_classes import ASSET_SQL
from funding_platform.core.market.listings import FROZEN, LATE_STAMP, SILENCE
from funding_platform.core.market.pauses import PAUSE_SYMBOLS, PAUSING
from funding_platform.core.market.price_gap import MAX_PRICE_GAP_BPS
from funding_platform.core.symbols import DOLLARS
from funding_platform.core.tables.books.depth import SIZES_USD
from funding_platform.core.tables.marts.opportunities import HORIZONS
from funding_platform.core.tables.marts.reasons import REJECT_REASONS, WATCH_REASONS, Reason
from funding_platform.core.time_grid import HOUR, LATENESS, MILLISECOND, SKEW

_VARIABLES = {
    "assumed_spread_bps": "var('assumed_spread_bps')",
    "max_impact_cost_bps": "var('max_impact_cost_bps')",
    "depth_share": f"var('depth_share', {DEPTH_SHARE})",
    "wide_price_gap_bps": f"var('wide_price_gap_bps', {MAX_PRICE_GAP_BPS:g})",
    "thin_open_interest_usd": "var('thin_open_interest_usd')",
    "thin_volume_usd": "var('thin_volume_usd')",
    "min_same_sign_share": "var('min_same_sign_share')",
}
"""Inputs of formulas and reasons that are dbt variables, and how they are read."""

_COLUMNS = {"long_fee_bps": "long.taker_bps", "short_fee_bps": "short.taker_bps"}
"""Inputs of reasons that are columns: the marts are priced for takers."""


def completeness_macros() -> str:
    """Write what SQL must know of the rules of core/: lateness, listings, pauses and clocks."""
    return _file(
        "funding_platform/core",
        _macro(
            "lateness_ms()",
            str(LATENESS // MILLISECOND),
            "A settlement may appear this late before it counts as absent.",
        ),
        *(
            _macro(f"{name}()", f"interval {span // HOUR} hours", meaning)
            for name, span, meaning in (
                (
                    "silence",
                    SILENCE,
                    "What tells listings of a ticker apart.",
                ),
                ("late_stamp", LATE_STAMP, ""),
                ("frozen", FROZEN, ""),
            )
        ),
        _macro(
            "pausing()",
            ", ".join(f"'{name}'" for name in PAUSING),
            "Asset classes whose funding a venue may pause, and how many instruments tell it.",
        ),
        _macro("pause_symbols()", str(PAUSE_SYMBOLS), ""),
        _macro(
            "skew()",
            f"interval {SKEW // MILLISECOND} milliseconds",
            "How far two clocks may be apart that are both taken to be right.",
        ),
    )


def dollar_macro() -> str:
    """Write which quote currencies count as dollars."""
    dollars = ", ".join(f"'{quote}'" for quote in DOLLARS)
    return _file(
        "funding_platform/core/symbols.py",
        _macro(
            "is_dollar(quote)",
            f"upper({{{{ quote }}}}) in ({dollars})",
            "Amounts in this quote currency are amounts in dollars.",
        ),
    )


def asset_macros() -> str:
    """Write the macro that tells whether two instruments are on one asset."""
    return _file(
        "funding_platform/core/market/asset_classes.py",
        _macro(
            "asset(base, asset_class)",
            ASSET_SQL.format(base="{{ base }}", asset_class="{{ asset_class }}"),
            "The asset that an instrument is on; null where it can be none of another's.",
        ),
        _macro(
            "same_asset(one, other)",
            "{{ asset(one ~ '.base', one ~ '.asset_class') }}\n    "
            "= {{ asset(other ~ '.base', other ~ '.asset_class') }}",
            "Whether two instruments are on one asset.",
        ),
    )


def opportunity_macros() -> str:
    """Write what a pair costs and keeps, and what stands against it."""
    return _file(
        "funding_platform/arbitrage/formulas.py and core/tables/marts/reasons.py",
        _macro(
            "horizons()",
            f"{{{{ return({HORIZONS}) }}}}",
            "The holding times that funding and net are stated for, in hours.",
        ),
        _macro(
            "sizes()",
            f"{{{{ return({ {name: int(size) for name, size in SIZES_USD.items()} }) }}}}",
            "The sizes that order books are measured for, in dollars.",
        ),
        *map(_formula_macro, FORMULAS),
        _macro("codes_to_reject()", str(list(REJECT_REASONS)), "What makes a pair no opportunity."),
        _macro("reject_reasons()", _those_that_hold(REJECT_REASONS), "Those of them that hold."),
        _macro(
            "watch_reasons()",
            _those_that_hold(WATCH_REASONS),
            "What keeps a pair from being acted upon, so far as it holds.",
        ),
    )


def _formula_macro(formula: Formula) -> str:
    parameters = [name for name in formula.inputs if name not in _VARIABLES]
    return _macro(
        f"{formula.name}({', '.join(parameters)})",
        formula.sql.format_map(_read(formula.inputs)),
        formula.meaning,
    )


def _those_that_hold(reasons: Mapping[str, Reason]) -> str:
    conditions = {
        code: reason.condition.format_map(_read(inputs_of(reason.condition)) | _COLUMNS)
        for code, reason in reasons.items()
    }
    return codes_that_hold(conditions)


def _read(inputs: Iterable[str]) -> dict[str, str]:
    """Say how a macro reads each input: from dbt's variables, or else from its parameter."""
    return {name: f"{{{{ {_VARIABLES.get(name, name)} }}}}" for name in inputs}


def _file(origin: str, *macros: str) -> str:
    return (
        f"{{# Generated from {origin} by\n"
        "   `python -m funding_platform.devtools.documents`. Do not edit. #}\n" + "".join(macros)
    )


def _macro(signature: str, body: str, meaning: str) -> str:
    comment = f"{{# {fill(meaning, 94, subsequent_indent='   ')} #}}\n" if meaning else ""
    return f"{comment}{{% macro {signature} -%}}\n    {body}\n{{%- endmacro %}}\n"
