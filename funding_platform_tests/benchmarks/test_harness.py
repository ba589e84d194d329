"""The harness: which sections there are, how a figure is judged, and what ends up in the tables."""

import importlib
import inspect
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from funding_platform_tests.benchmarks import __main__ as harness
from funding_platform_tests.benchmarks import calibration
from funding_platform_tests.benchmarks.measurement import Measurement
from funding_platform_tests.benchmarks.table import Section, markdown


def run(*arguments: str) -> Result:
    return CliRunner().invoke(harness.main, arguments)


def test_every_benchmark_module_is_listed() -> None:
    modules = Path(harness.__file__).parent.glob("bench_*.py")

    assert {path.stem.removeprefix("bench_") for path in modules} == set(harness.BENCHMARKS)


@pytest.mark.parametrize("name", harness.BENCHMARKS)
def test_a_benchmark_imports_and_has_a_smaller_size(name: str) -> None:
    module = importlib.import_module(f"funding_platform_tests.benchmarks.bench_{name}")

    assert list(inspect.signature(module.run).parameters) == ["quick"]
    assert module.__doc__


@pytest.mark.world
def test_a_quick_benchmark_prints_its_rows_held_to_nothing() -> None:
    result = run("--quick", "--only", "startup")

    assert result.exit_code == 0, result.output
    assert "import funding_platform" in result.output
    assert "≥" not in result.output


def test_a_section_that_is_not_known_is_an_error_that_names_the_known() -> None:
    result = run("--only", "curve")

    assert result.exit_code == 2
    assert all(name in result.output for name in harness.BENCHMARKS)


@pytest.mark.parametrize("part", [("--only", "startup"), ("--quick",)])
def test_the_page_is_not_written_from_a_part(part: tuple[str, ...], tmp_path: Path) -> None:
    result = run(*part, "--markdown", str(tmp_path / "page.md"))

    assert result.exit_code == 2
    assert "the page has every figure" in result.output
    assert not list(tmp_path.iterdir())


def test_the_page_is_not_written_when_a_section_crashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(name: str, *, quick: bool) -> Section:
        if name == "pca":
            raise harness.CrashedError("no memory left")
        return Section(name, [Measurement("a flow", 3.0, "s", target=2.0)])

    monkeypatch.setattr(harness, "measure", measure)
    monkeypatch.setattr(harness, "slowness", lambda: 2.0)

    result = run("--markdown", str(tmp_path / "page.md"))

    assert result.exit_code == 1
    assert "no memory left" in result.output
    assert "crashed: pca" in result.output
    assert "≤ 4" in result.output  # the others are shown, their targets scaled
    assert not list(tmp_path.iterdir())


def test_ratio_and_verdict_know_which_way_is_better() -> None:
    slow = Measurement("look-up", 20.0, "ms", peer=60.0, least_ratio=6)
    fast = Measurement("pipeline", 20.0, "rows/s", peer=5.0, least_ratio=2)

    assert (slow.ratio, slow.bound, slow.ok) == (3.0, 10.0, False)
    assert (fast.ratio, fast.bound, fast.ok) == (4.0, 10.0, True)


def test_a_ratio_holds_on_any_machine_and_needs_its_peer() -> None:
    row = Measurement("orders", 20.0, "orders/s", peer=10.0, least_ratio=1.5)
    alone = Measurement("orders", 20.0, "orders/s", peer=None, least_ratio=1.5)

    assert row.on_machine(3.0) == row
    assert (alone.ratio, alone.bound, alone.ok) == (None, None, None)


@pytest.mark.parametrize(
    ("row", "bound"),
    [
        (Measurement("flow", 1.0, "s", target=2.0), 4.0),
        (Measurement("flow", 1.0, "rows/s", target=2.0), 1.0),
        (Measurement("hanging", 1.0, "s", target=10.0, waiting=8.0), 12.0),
        (Measurement("memory", 1.0, "GiB", target=2.0), 2.0),
        (Measurement("refused", 0.0, "requests", target=0.0), 0.0),
        (Measurement("over the floor", 1.0, "x", target=1.05), 1.05),
        (Measurement("only shown", 1.0, "s"), None),
    ],
    ids=lambda given: given.name if isinstance(given, Measurement) else "",
)
def test_a_machine_half_as_fast_has_twice_the_time_and_no_more_memory(
    row: Measurement, bound: float | None
) -> None:
    assert row.on_machine(2.0).bound == bound


def test_a_row_is_held_to_one_thing() -> None:
    with pytest.raises(ValueError, match="look-up: held to a target and to a ratio"):
        Measurement("look-up", 1.0, "ms", peer=1.0, least_ratio=1, target=1)


def test_the_median_part_of_the_calibration_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = calibration.REFERENCE_SECONDS
    measured = dict(zip(reference, (1.0, 2.0, 4.0, 1000.0), strict=True))
    monkeypatch.setattr(
        calibration,
        "part_seconds",
        lambda: {part: measured[part] * reference[part] for part in reference},
    )

    assert calibration.slowness() == pytest.approx(3.0)


def test_the_calibration_measures_what_the_reference_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "SECONDS_PER_PART", 0)

    found = calibration.part_seconds()

    assert found.keys() == calibration.REFERENCE_SECONDS.keys()
    assert all(took > 0 for took in found.values())


def test_the_page_shows_value_bound_peer_and_ratio() -> None:
    row = Measurement("look-up", 20.0, "ms", peer=10.0, least_ratio=0.25)

    page = markdown([Section("Look-ups", [row])], "two cores")

    assert "## Look-ups" in page
    assert "| look-up | 20 | ms | ≤ 40 | 10 | 0.5x (≥ 0.25x) | yes |" in page
