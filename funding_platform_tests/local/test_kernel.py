"""The kernel that is compiled beside other work."""

from typing import Any

from funding_platform.backtest.kernel.accounts import component_sums, take_stock
from funding_platform.backtest.kernel.clock import advance
from funding_platform.backtest.kernel.closing import close_position
from funding_platform.backtest.kernel.opening import open_position
from funding_platform.backtest.kernel.pricing import measure_silence
from funding_platform.local.kernel import compile_kernel, compiled_beside

STEPS: tuple[Any, ...] = (
    advance,
    open_position,
    close_position,
    measure_silence,
    take_stock,
    component_sums,
)


def test_the_small_backtest_has_all_of_the_kernel_compiled() -> None:
    compile_kernel()
    assert all(step.signatures for step in STEPS)


def test_the_compiler_ends_with_whoever_wanted_it() -> None:
    with compiled_beside() as wait:
        pass
    assert wait() is not None
