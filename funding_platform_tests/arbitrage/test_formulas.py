"""Formulas in SQL: their inputs, and the codes that hold."""

import duckdb
import pytest

from funding_platform.arbitrage.formulas import (
    FORMULAS,
    NET,
    TAKER_COST_BPS,
    Formula,
    codes_that_hold,
    inputs_of,
)
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.tables.marts.reasons import REASONS, Reason


def test_an_input_that_is_not_given_is_the_column_of_its_name() -> None:
    assert TAKER_COST_BPS.of() == "taker_fees_bps + spread_cost_bps + impact_cost_bps"
    assert NET.of(funding="funding_1d") == "funding_1d - cost_bps / 1e4"


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda formula: formula.name)
def test_a_formula_of_nothing_known_is_unknown(formula: Formula) -> None:
    known = {"assumed_spread_bps": "10", "rejected": "NULL", "watched": "NULL"}
    sql = formula.of(**{name: known.get(name, "NULL::DOUBLE") for name in formula.inputs})
    expected = {"half_spread_bps": 5.0, "tier": "actionable"}.get(formula.name)
    assert duckdb.sql(f"SELECT {sql}").fetchone() == (expected,)


def test_a_condition_that_is_unknown_does_not_hold() -> None:
    codes = codes_that_hold({"yes": "1 = 1", "no": "1 = 2", "unknown": "NULL > 0"})
    assert duckdb.sql(f"SELECT {codes}").fetchone() == (["yes"],)


@pytest.mark.parametrize(
    ("code", "reason"), [(code, reason) for code, reason in REASONS.items() if reason.of_costs]
)
def test_what_is_judged_anew_needs_the_fee_or_a_column_of_the_table(
    code: str, reason: Reason
) -> None:
    names = inputs_of(reason.condition) or (reason.condition.split()[0],)
    assert {*names} <= {"long_fee_bps", "short_fee_bps", *OPPORTUNITIES.column_names}, code
