"""A forked ``funding`` does what a started one does."""

import pytest

from funding_platform_tests.checkout import Checkout, run_in

pytestmark = pytest.mark.world

HELD = "SELECT venue, count(*) FROM core.instruments GROUP BY venue ORDER BY venue"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (f"funding query '{HELD}' --format csv", 0),
        ("cd backtests && FUNDING_DATA_DIR=../nowhere funding coverage", 1),
        ("funding coverage --nonsense", 2),
        ("funding --version | tr a-z A-Z", 0),
    ],
)
def test_output_and_status_are_those_of_the_executable(
    checkout: Checkout, command: str, status: int
) -> None:
    forked = checkout.run("bash", "-c", command)
    started = run_in(checkout.root, "bash", "-c", command)
    assert forked.returncode == started.returncode == status
    assert forked.stdout == started.stdout


def test_the_command_of_the_documents_is_the_forked_one(checkout: Checkout) -> None:
    found = checkout.run("bash", "-c", "command -v funding").stdout
    assert found == f"{checkout.programs / 'funding'}\n"
