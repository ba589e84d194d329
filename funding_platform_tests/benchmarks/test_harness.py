"""The harness knows every benchmark, and a benchmark it runs ends up in its tables."""

from pathlib import Path

from click.testing import CliRunner

from funding_platform_tests.benchmarks import __main__ as harness
from funding_platform_tests.benchmarks.measurement import Measurement


def test_every_benchmark_module_is_listed() -> None:
    modules = Path(harness.__file__).parent.glob("bench_*.py")

    assert {path.stem.removeprefix("bench_") for path in modules} == set(harness.BENCHMARKS)


def test_a_quick_benchmark_prints_its_rows_and_writes_them_as_markdown(tmp_path: Path) -> None:
    file = tmp_path / "bench.md"

    result = CliRunner().invoke(
        harness.main, ["--quick", "--only", "startup", "--markdown", str(file)]
    )

    assert result.exit_code == 0, result.output
    assert "import funding_platform" in result.output
    assert "| funding --help" in file.read_text()


def test_ratio_and_verdict_know_which_way_is_better() -> None:
    slow = Measurement("look-up", 20.0, "ms", target=10, peer=60.0)
    fast = Measurement("pipeline", 20.0, "rows/s", target=10, peer=5.0)

    assert (slow.ratio, slow.ok) == (3.0, False)
    assert (fast.ratio, fast.ok) == (4.0, True)
