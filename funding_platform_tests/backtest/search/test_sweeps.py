"""Sweeps over a configuration and shared data: order, failures, processes."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict, Field

from funding_platform.backtest.errors import BacktestError, SweepError
from funding_platform.backtest.results.deflated_sharpe import ReturnMoments
from funding_platform.backtest.search.parameters import SweepPlan
from funding_platform.backtest.search.sweeps import Run, Trial, sweep, trials_frame
from funding_platform.core.system.shards import Spread


class Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(default=0.0, ge=0.0)
    scale: int = 1


@dataclass(frozen=True)
class SharedRates:
    """An opener: maps the rates once per process and sums those above a threshold."""

    file: Path

    def __call__(self) -> Run:
        rates = np.load(self.file, mmap_mode="r")

        def run(config: Config) -> Mapping[str, Any]:
            if config.scale == 13:
                raise BacktestError("13 brings bad luck")
            earned = float(rates[rates > config.threshold].sum()) * config.scale
            return {"earned": earned, "process": os.getpid()}

        return run


@dataclass(frozen=True)
class Dying:
    """An opener whose runs end their process."""

    def __call__(self) -> Run:
        return lambda config: os._exit(1)


@pytest.fixture
def shared(tmp_path: Path) -> SharedRates:
    np.save(tmp_path / "rates.npy", np.random.default_rng(0).normal(0, 1e-4, 10_000))
    return SharedRates(tmp_path / "rates.npy")


PLAN = SweepPlan(axes={"threshold": (0.0, -1.0, 1e-4), "scale": (1, 13, 2)})


def test_a_failed_point_is_a_row_with_its_error(shared: SharedRates) -> None:
    trials = sweep(Config(), PLAN.points(), shared)
    assert [one.number for one in trials] == list(range(9))
    assert [one.point for one in trials] == PLAN.points()
    for one in trials:
        if one.point["threshold"] < 0:
            assert one.error is not None
            assert "threshold" in one.error
        elif one.point["scale"] == 13:
            assert one.error == "BacktestError: 13 brings bad luck"
        else:
            assert one.error is None
        assert bool(one.figures) == (one.error is None)


@pytest.mark.world
def test_two_processes_give_what_one_gives(shared: SharedRates) -> None:
    frames = []
    done: list[int] = []
    for workers in (1, 2):
        trials = sweep(
            Config(),
            PLAN.points(),
            shared,
            spread=Spread(workers=workers),
            on_done=lambda: done.append(1),
        )
        frames.append(trials_frame(trials))
    assert len(done) == 2 * len(PLAN.points())
    one, two = frames
    assert one.drop("process").equals(two.drop("process"))
    assert one["process"].unique().drop_nulls().to_list() == [os.getpid()]
    assert os.getpid() not in two["process"]


def test_a_frame_of_trials_has_a_column_per_axis_and_figure(shared: SharedRates) -> None:
    frame = trials_frame(sweep(Config(), PLAN.points(), shared))
    assert frame.columns == [
        "number",
        "config.threshold",
        "config.scale",
        "earned",
        "process",
        "error",
    ]
    assert frame["earned"].is_null().equals(frame["error"].is_not_null())


def test_a_sweep_of_nothing_but_failures_is_a_frame_too(shared: SharedRates) -> None:
    frame = trials_frame(sweep(Config(), [{"scale": "x"}, {"none": 1}], shared))
    assert frame["error"].null_count() == 0
    assert frame["config.scale"].to_list() == ["x", None]


def test_moments_are_no_column() -> None:
    """Those that have some, those that have none, and those that never ran."""
    returns = ReturnMoments.of(np.array([0.01, -0.02, 0.03]))
    trials = [
        Trial(0, {"scale": 1}, {"earned": 1.0, "moments": returns}),
        Trial(1, {"scale": 2}, {"earned": 0.0, "moments": None}),
        Trial(2, {"scale": 13}, error="BacktestError: 13 brings bad luck"),
    ]
    for some in (trials, trials[:1], trials[::-1]):
        assert set(trials_frame(some).columns) == {"number", "config.scale", "earned", "error"}
    assert trials_frame(trials)["earned"].to_list() == [1.0, 0.0, None]


@pytest.mark.world
def test_a_worker_that_dies_ends_the_sweep_with_a_reason() -> None:
    with pytest.raises(SweepError, match="worker"):
        sweep(Config(), PLAN.points(), Dying(), spread=Spread(workers=2))
