"""Strategies by name, and packages that bring what cannot be used."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.errors import ConfigError
from funding_platform.core.system import plugins
from funding_platform.core.system.plugins import PluginError
from funding_platform.core.system.source_code import digest_around
from funding_platform.strategies import registry
from funding_platform.strategies.contract import Book, MarketView, NamedStrategy, Order
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform.strategies.errors import UnknownStrategyError
from funding_platform_tests.backtest.markets import config

IDLE = """
from typing import Literal
from funding_platform.strategies import NamedStrategy

class Idle(NamedStrategy):
    name: Literal["idle"] = "idle"
    patience: float = 1.0

    def decide(self, market, book):
        return []
"""

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package of one module with one strategy: what pip leaves behind of it."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def made(package: str, source: str = IDLE, *, point: str = "idle", name: str = "Idle") -> Path:
        (tmp_path / f"{package}.py").write_text(source)
        facts = tmp_path / f"{package}-2.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.0\n")
        (facts / "entry_points.txt").write_text(
            f"[{plugins.STRATEGIES}]\n{point} = {package}:{name}\n"
        )
        plugins.plugins.cache_clear()
        return tmp_path / f"{package}.py"

    yield made
    plugins.plugins.cache_clear()
    for module in set(sys.modules) - before:
        del sys.modules[module]


def chosen(**fields: object) -> NamedStrategy | None:
    return config(24, strategy=fields).strategy


def test_the_built_in_ones_go_by_their_names() -> None:
    assert sorted(registry.BUILT_IN) == [
        "cross_venue_carry",
        "curve_timed_carry",
        "spot_perp_carry",
    ]
    assert registry.strategy_class("cross_venue_carry") is CrossVenueCarry


def test_one_of_a_package_is_found_beside_them(install: Install) -> None:
    with pytest.raises(ConfigError, match="there is no strategy 'idle' among cross_venue_carry"):
        chosen(name="idle")
    install("lazybones")
    one = config(24, strategy={"name": "idle", "patience": 2.0})
    assert one.strategy is not None
    assert one.strategy.model_dump() == {"name": "idle", "patience": 2.0}
    assert BacktestConfig.model_validate_json(one.model_dump_json()) == one
    assert chosen(name="cross_venue_carry") == CrossVenueCarry()
    with pytest.raises(UnknownStrategyError, match=r"no strategy 'idel' .*did you mean idle\?"):
        registry.strategy_class("idel")


def test_its_parameters_are_told_like_any_other_field(install: Install) -> None:
    install("lazybones")
    with pytest.raises(ConfigError) as caught:
        chosen(name="idle", patience="long", haste=1)
    message = str(caught.value)
    assert "strategy.patience: input should be a valid number" in message
    assert "(got 'long')" in message
    assert "strategy.haste: there is no such field" in message


def test_two_of_one_name_are_refused(install: Install) -> None:
    install("lazybones")
    install("sluggard")
    said = "two packages bring a plug-in named 'idle': (lazybones|sluggard) 2.0 and"
    with pytest.raises(PluginError, match=said):
        chosen(name="idle")
    assert chosen(name="cross_venue_carry") == CrossVenueCarry()


def test_the_name_of_a_built_in_one_is_taken(install: Install) -> None:
    install("usurper", point="cross_venue_carry")
    said = "'cross_venue_carry' is a built-in strategy, and usurper 2.0 brings another"
    with pytest.raises(PluginError, match=said):
        chosen(name="cross_venue_carry")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named"),
        ("1 / 0", "cannot be loaded from odd:Idle: ZeroDivisionError"),
        ("", "cannot be loaded from odd:Idle: AttributeError"),
        ("class Idle:\n    name = 'idle'", "odd:Idle is not a NamedStrategy"),
        (IDLE.replace('"idle"', '"lazy"'), "calls itself 'lazy'"),
        (IDLE.replace(' = "idle"', ""), "calls itself PydanticUndefined"),
    ],
    ids=["imports", "raises", "lacks", "duck", "other", "required"],
)
def test_one_that_cannot_be_used_names_its_package(
    install: Install, source: str, said: str
) -> None:
    install("odd", source)
    with pytest.raises(PluginError, match=rf"the NamedStrategy 'idle' of odd 2\.0.*{said}"):
        chosen(name="idle")


class Unregistered(NamedStrategy):
    """Goes by no name that a configuration could be read back with."""

    name: Literal["cross_venue_carry", "unregistered"] = "unregistered"

    def decide(self, market: MarketView, book: Book) -> list[Order]:
        return []


def test_a_configuration_holds_only_what_can_be_found_again() -> None:
    with pytest.raises(ConfigError, match="strategy: there is no strategy 'unregistered'"):
        config(24, strategy=Unregistered())
    with pytest.raises(ConfigError, match="'cross_venue_carry' stands for another strategy"):
        config(24, strategy=Unregistered(name="cross_venue_carry"))


def test_its_digest_follows_its_module(install: Install) -> None:
    source = install("lazybones")
    kind = registry.strategy_class("idle")
    before = digest_around(kind)
    source.with_name("another.py").write_text("")
    assert digest_around(kind) == before is not None
    source.write_text(IDLE + "\n")
    assert digest_around(kind) != before
    assert digest_around(CrossVenueCarry) is None


def test_its_digest_follows_all_of_its_package(install: Install, tmp_path: Path) -> None:
    package = tmp_path / "laziness"
    (package / "inner").mkdir(parents=True)
    (package / "inner/idle.py").write_text(IDLE)
    (package / "helpers.py").write_text("")
    install("lazybones", "", name="Idle")
    (tmp_path / "lazybones-2.0.dist-info/entry_points.txt").write_text(
        f"[{plugins.STRATEGIES}]\nidle = laziness.inner.idle:Idle\n"
    )
    kind = registry.strategy_class("idle")
    before = digest_around(kind)
    (package / "helpers.py").write_text("PATIENCE = 2\n")
    assert digest_around(kind) != before is not None
