"""Configurations as people write them: formats, windows by length, changes, axes."""

from datetime import timedelta
from pathlib import Path

import pytest

from funding_platform.backtest.errors import ConfigError
from funding_platform.flows.backtests.files import (
    example_file,
    parse_axes,
    parse_changes,
    read_config,
)
from funding_platform.lake.errors import LakeMissingError
from funding_platform.settings import Settings
from funding_platform_tests.backtest.markets import HOUR, START, drawn_market
from funding_platform_tests.flows.backtests.lakes import fill
from funding_platform_tests.known import known

TIMES = ("2025-03-02T00:00:00Z", "2025-03-09T12:00:00Z")
TOML = f"start = {TIMES[0]}\nend = {TIMES[1]}\n[costs]\nflat_fee_bps = 2.0\n"
YAML = f"start: {TIMES[0]}\nend: {TIMES[1]}\ncosts: {{flat_fee_bps: 2.0}}\n"
JSON = f'{{"start": "{TIMES[0]}", "end": "{TIMES[1]}", "costs": {{"flat_fee_bps": 2}}}}'


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def written(tmp_path: Path, text: str, suffix: str = ".toml") -> Path:
    path = tmp_path / f"config{suffix}"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("suffix", "text"), [(".toml", TOML), (".yml", YAML), (".json", JSON)])
def test_three_formats_say_the_same(
    tmp_path: Path, settings: Settings, suffix: str, text: str
) -> None:
    config = read_config(written(tmp_path, text, suffix), settings)
    assert config.window == (START + 24 * HOUR, START + 204 * HOUR)
    assert config.costs.flat_fee_bps == 2.0


def test_changes_reach_nested_fields_and_leave_the_rest(tmp_path: Path, settings: Settings) -> None:
    changes = parse_changes(
        [
            "costs.slippage.impact=linear",
            "strategy.erosion=0.5",
            'bases=["B1"]',
            "max_venue_usd=null",
        ]
    )
    config = read_config(written(tmp_path, TOML), settings, changes)
    assert (config.costs.slippage.impact, config.costs.flat_fee_bps) == ("linear", 2.0)
    assert (config.bases, config.max_venue_usd) == (("B1",), None)
    assert config.strategy is not None
    assert config.strategy.model_dump()["erosion"] == 0.5


def test_contradicting_changes_are_judged_together(tmp_path: Path, settings: Settings) -> None:
    changes = {"position_usd": 150_000.0, "capital_usd": 200_000.0}
    assert read_config(written(tmp_path, TOML), settings, changes).position_usd == 150_000.0
    with pytest.raises(ConfigError, match="position_usd"):
        read_config(written(tmp_path, TOML), settings, {"position_usd": 250_000.0})


def test_the_last_days_end_with_the_newest_settlement(tmp_path: Path, settings: Settings) -> None:
    market = drawn_market(3)
    fill(settings, market)
    newest = known(market["funding_time"].max())
    path = written(tmp_path, "last_days = 2.5\n")
    config = read_config(path, settings)
    assert (config.end, config.start) == (newest, newest - timedelta(days=2.5))
    fixed = parse_changes([f"start={TIMES[0]}", f"end={TIMES[1]}"])
    assert read_config(path, settings, fixed).window == (START + 24 * HOUR, START + 204 * HOUR)
    shorter = read_config(written(tmp_path, TOML), settings, {"last_days": 1})
    assert shorter.end - shorter.start == timedelta(days=1)


def test_the_last_days_of_nothing_are_an_error(tmp_path: Path, settings: Settings) -> None:
    path = written(tmp_path, "last_days = 3\n")
    with pytest.raises(LakeMissingError):
        read_config(path, settings)
    fill(settings, drawn_market(3).head(0))
    with pytest.raises(ConfigError, match="the lake has no settlement"):
        read_config(path, settings)


def test_of_the_bases_that_a_file_hopes_for_those_are_taken_that_the_lake_has(
    tmp_path: Path, settings: Settings
) -> None:
    fill(settings, drawn_market(3))
    path = written(tmp_path, f'any_of_bases = ["DOGE", "B1", "B0"]\n{TOML}')
    assert read_config(path, settings).bases == ("B1", "B0")
    assert read_config(path, settings, {"bases": ["DOGE"]}).bases == ("DOGE",)
    none = written(tmp_path, f'any_of_bases = ["DOGE", "PEPE"]\n{TOML}')
    with pytest.raises(ConfigError, match="the lake has none of DOGE, PEPE"):
        read_config(none, settings)
    wrong = written(tmp_path, f'any_of_bases = "B1"\n{TOML}')
    with pytest.raises(ConfigError, match="not a list of bases"):
        read_config(wrong, settings)


@pytest.mark.parametrize("days", ["true", "-1", "1e9", "nan", '"week"'])
def test_a_length_that_is_none_is_refused(tmp_path: Path, settings: Settings, days: str) -> None:
    with pytest.raises(ConfigError, match="not a number of days above zero"):
        read_config(written(tmp_path, f"last_days = {days}\n"), settings)


@pytest.mark.parametrize(
    ("text", "suffix", "reason"),
    [
        ("start = = 1", ".toml", "cannot be read"),
        ("{", ".yaml", "cannot be read"),
        ("- 1\n- 2\n", ".yml", "a table of fields, not list"),
        ("", ".yml", "a table of fields, not NoneType"),
        ("capital_usd = 1\n", ".toml", "start: is required; end: is required"),
    ],
)
def test_a_file_that_will_not_do_says_why(
    tmp_path: Path, settings: Settings, text: str, suffix: str, reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        read_config(written(tmp_path, text, suffix), settings)


def test_the_example_is_a_valid_configuration(settings: Settings) -> None:
    fixed = {"start": TIMES[0], "end": TIMES[1], "bases": ["BTC"]}
    assert read_config(example_file(), settings, fixed).strategy is not None


def test_axes_are_lists_of_values() -> None:
    axes = parse_axes(["a.b=1,2.5,linear", 'bases=[["BTC"],["BTC","ETH"]]', "x=null"])
    assert axes == {
        "a.b": (1, 2.5, "linear"),
        "bases": (["BTC"], ["BTC", "ETH"]),
        "x": (None,),
    }
    with pytest.raises(ConfigError, match="an axis needs a value"):
        parse_axes(["a=[]"])
    with pytest.raises(ConfigError, match="not `field=value`"):
        parse_axes(["a="])
