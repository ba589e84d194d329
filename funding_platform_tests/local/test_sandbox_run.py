"""What a run of the demonstration asks for, and an interrupt wherever that comes upon Dagster."""

import signal
from collections.abc import Callable

import dagster as dg
import pytest
import time_machine
from dagster._utils.interrupts import capture_interrupts

from funding_platform.local.sandbox_run import SandboxRun, range_tags


def in_the_step() -> None:
    signal.raise_signal(signal.SIGTERM)


def where_dagster_drops_it() -> None:
    """As when the last step is done: what was captured is forgotten at the end of the block."""
    with capture_interrupts():
        signal.raise_signal(signal.SIGTERM)


def world_of(body: Callable[[], None]) -> SandboxRun:
    @dg.op
    def interrupted() -> None:
        body()

    @dg.job(logger_defs={"console": dg.colored_console_logger})
    def once() -> None:
        interrupted()

    return SandboxRun(dg.Definitions(jobs=[once]), dg.DagsterInstance.ephemeral())


@pytest.mark.parametrize("body", [in_the_step, where_dagster_drops_it])
def test_an_interrupt_ends_all_wherever_it_comes(body: Callable[[], None]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(KeyboardInterrupt):
            world_of(body).run("once")
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("now", "months", "first", "last"),
    [
        ("2026-12-01T00:30", 1, "2026-11-01", "2026-12-01"),
        ("2026-12-07T23:59", 1, "2026-11-01", "2026-12-01"),
        ("2026-12-08T00:00", 1, "2026-12-01", "2026-12-01"),
        ("2026-12-01T00:30", 3, "2026-10-01", "2026-12-01"),
        ("2027-01-02T12:00", 1, "2026-12-01", "2027-01-01"),
        ("2026-03-31T12:00", 2, "2026-02-01", "2026-03-01"),
    ],
)
def test_a_month_that_has_just_begun_is_not_alone(
    now: str, months: int, first: str, last: str
) -> None:
    with time_machine.travel(f"{now}+00:00", tick=False):
        asked = range_tags(months)
    assert [*asked.values()] == [first, last]


def test_a_run_that_nobody_interrupts_returns_its_result() -> None:
    assert world_of(lambda: None).run("once").success
