"""Trading: what a cycle takes beside the venues."""

from funding_platform_tests.benchmarks.bench_execution_cycle import cycle_rows
from funding_platform_tests.benchmarks.measurement import Measurement


def run(quick: bool = False) -> list[Measurement]:
    return cycle_rows(quick)
