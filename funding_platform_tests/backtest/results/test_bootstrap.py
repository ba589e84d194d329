"""What a confidence interval cannot be drawn with."""

from typing import Any

import pytest

from funding_platform.backtest.errors import ConfigError
from funding_platform.backtest.results.bootstrap import Bootstrap


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("resamples", -5),
        ("confidence", 0.0),
        ("confidence", 1.0),
        ("confidence", 2.0),
        ("confidence", float("nan")),
        ("mean_block_days", -1.0),
        ("mean_block_days", 0.0),
        ("mean_block_days", float("nan")),
        ("mean_block_days", float("inf")),
        ("seed", -1),
    ],
)
def test_what_is_out_of_bounds_is_named(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"bootstrap: {name} is {value}"):
        Bootstrap(**{name: value})


def test_the_bounds_themselves_will_do() -> None:
    Bootstrap(resamples=0, confidence=0.5, mean_block_days=1.0, seed=0)
