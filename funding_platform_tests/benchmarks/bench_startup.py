"""From a shell to an answer, against a bare interpreter and Dagster's own command."""

import sys
from pathlib import Path

from funding_platform_tests.benchmarks.measurement import Measurement, command_seconds

REPEATS = 5
BIN = Path(sys.executable).parent


def run(quick: bool = False) -> list[Measurement]:
    repeats = 1 if quick else REPEATS

    def milliseconds(*command: str) -> float:
        return 1e3 * command_seconds(list(command), repeats)

    return [
        Measurement(
            "import funding_platform (peer: a bare interpreter)",
            milliseconds(sys.executable, "-c", "import funding_platform"),
            "ms",
            peer=milliseconds(sys.executable, "-c", "pass"),
            least_ratio=0.34,
        ),
        Measurement(
            "funding --help (peer: dagster --help)",
            milliseconds(str(BIN / "funding"), "--help"),
            "ms",
            peer=milliseconds(str(BIN / "dagster"), "--help"),
            least_ratio=1.3,
        ),
    ]
