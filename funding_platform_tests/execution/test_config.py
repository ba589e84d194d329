"""What is wrong with a trading configuration is told before anything is placed."""

from pathlib import Path
from typing import Any

import pytest

from funding_platform.execution.config import TradingConfig, read_trading_config
from funding_platform.execution.errors import TradingConfigError
from funding_platform.strategies import CrossVenueCarry

EXAMPLE = Path(__file__).resolve().parents[2] / "execution" / "paper.yaml"


def test_the_example_is_valid_and_names_the_strategy_of_the_backtest() -> None:
    config = read_trading_config(EXAMPLE)
    assert config.strategy == CrossVenueCarry(erosion=0.5, max_age_hours=168)
    assert config.exits.max_age_hours == 7 * 24
    assert config.opportunities.filter.tiers == ("actionable",)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"sizes": {"position_usd": -1}}, "sizes.position_usd: input should be greater than 0"),
        ({"strategi": {}}, "strategi: there is no such field; did you mean strategy?"),
        ({"strategy": {"name": "cross_venue"}}, "did you mean cross_venue_carry?"),
        ({"limits": {"max_venue_usd": 500}}, "limits.max_venue_usd (500) is below"),
        (
            {"opportunities": {"filter": {"tiers": ["good"]}}},
            "opportunities.filter: the filter of opportunities is not valid: tiers.0",
        ),
        ({"exits": {"erosion": 1.5}}, "exits.erosion: input should be less than or equal to 1"),
        ({"venues": ["binance"]}, "venues: binance alone, and a pair has two"),
        ({"name": "../etc"}, "name: string should match pattern"),
        ({"tempo": {"cycle_seconds": float("nan")}}, "tempo.cycle_seconds: input should be"),
    ],
)
def test_a_fault_is_told_by_its_field(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(TradingConfigError) as caught:
        TradingConfig.model_validate(fields)
    assert said in str(caught.value)
    assert "docs/execution.md" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "cannot be read"),
        ("- a\n", "is a table of fields, not list"),
        ("", "is a table of fields, not NoneType"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "trader.yaml"
    file.write_text(text)
    with pytest.raises(TradingConfigError, match=r"trader\.yaml") as caught:
        read_trading_config(file)
    assert said in str(caught.value)


def test_a_venue_that_does_not_exist_is_refused_with_the_nearest() -> None:
    config = TradingConfig.model_validate({"venues": ["binanse", "okx"]})
    with pytest.raises(TradingConfigError, match="'binanse'; did you mean binance"):
        config.require_venues(("binance", "okx"))
