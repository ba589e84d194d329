"""Where the CPU time of a run goes: ``pytest -p funding_platform_tests.cpu_time``.

It counts user and system time of this process, all its threads and the processes it has waited for,
by file and phase of a test. A fixture counts where it is first asked for. What forked programs do
(``prefork``) shows only in the time of the whole run: they are waited for at its end.
"""

import resource
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, cast

import pytest

PROPERTY = "cpu_seconds"

spent: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))


def cpu_seconds() -> float:
    """What this process and the processes it waited for have used so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def measured(item: pytest.Item, phase: str) -> Iterator[None]:
    before = cpu_seconds()
    try:
        return (yield)
    finally:
        item.user_properties.append((PROPERTY, (phase, cpu_seconds() - before)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Any:
    return (yield from measured(item, "setup"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    return (yield from measured(item, "call"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Any:
    return (yield from measured(item, "teardown"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add a finished test to the sums; with several processes, in the one that reports."""
    if report.when == "teardown":
        for name, value in report.user_properties:
            if name == PROPERTY:
                phase, seconds = cast("tuple[str, float]", value)
                spent[report.nodeid][phase] += seconds


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the sums by folder, the dearest files and the dearest tests."""
    if not spent:
        return
    write = terminalreporter.write_line
    terminalreporter.section("CPU seconds")
    total = sum(sum(phases.values()) for phases in spent.values())
    for title, key, shown in (
        ("folder", lambda node: folder_of(node), 100),
        ("file", lambda node: node.partition("::")[0], 40),
        ("test", lambda node: node, 60),
    ):
        sums: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
        for node, phases in spent.items():
            for phase, seconds in phases.items():
                sums[key(node)][phase] += seconds
        write(f"{'total':>8} {'setup':>8} {'call':>8}  {title}")
        dearest = sorted(sums.items(), key=lambda entry: -sum(entry[1].values()))
        for name, phases in dearest[:shown]:
            write(
                f"{sum(phases.values()):8.1f} {phases['setup']:8.1f} {phases['call']:8.1f}  {name}"
            )
        write("")
    write(f"{total:8.1f} in all, without collecting and starting")


def folder_of(node: str) -> str:
    parts = node.partition("::")[0].split("/")
    return parts[1] if len(parts) > 2 else "."
