"""``funding fees``: showing fees, setting them, revoking them, and the trail that this leaves."""

import getpass
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result

from funding_platform.settings import Settings
from funding_platform_tests.command import explained, run

Fees = Callable[..., Result]
SET = ("set", "drift", "--maker-bps", "-1.5", "--taker-bps", "3", "--from", "2026-03-01")


@pytest.fixture
def fees(fee_lake: Settings, monkeypatch: pytest.MonkeyPatch) -> Fees:
    """``funding fees``, on a lake that dbt has built and nobody has set any fees in."""
    monkeypatch.setenv("FUNDING_DATA_DIR", str(fee_lake.data_dir))
    return lambda *arguments: run("fees", *arguments)


def listed(fees: Fees, *arguments: str) -> list[dict[str, object]]:
    """What ``funding fees list`` answers as JSON."""
    result = fees("list", *arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    found: list[dict[str, object]] = json.loads(result.output)
    return found


def test_the_list_has_every_tier_the_base_first(fees: Fees) -> None:
    result = fees("list", "--venue", "bybit")
    assert result.exit_code == 0
    tiers = [line.split("│")[2].strip() for line in result.output.splitlines() if "bybit" in line]
    assert tiers == ["base", "vip_1", "vip_2", "vip_3", "vip_4", "vip_5", "vip_supreme"]


def test_the_list_has_the_fees_of_a_time(fees: Fees) -> None:
    def taker(*arguments: str) -> list[object]:
        return [row["taker_bps"] for row in listed(fees, "--venue", "drift", *arguments)]

    assert taker() == [2.0]
    assert taker("--at", "2026-07-01T08:59:59+09:00") == [3.5]
    assert taker("--at", "2026-07-01") == [2.0]


def test_what_is_set_is_listed_at_once_and_what_is_revoked_no_longer(fees: Fees) -> None:
    said = "drift base: maker -1.5 bps, taker 3 bps from 2026-03-01T00:00:00Z"
    who = getpass.getuser()
    assert fees(*SET, "--note", "agreed").output == f"{said}, set by {who}\n"
    (row,) = listed(fees, "--venue", "drift", "--at", "2026-03-01")
    assert (row["taker_bps"], row["source"], row["overridden"]) == (3.0, "agreed", True)
    revoked = fees("revoke", "drift", "--from", "2026-03-01", "--note", "expired")
    assert revoked.output == f"{said}, revoked by {who}\n"
    (row,) = listed(fees, "--venue", "drift", "--at", "2026-03-01")
    assert (row["taker_bps"], row["overridden"]) == (3.5, False)


def test_fees_that_are_set_without_a_start_begin_now(fees: Fees) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    fees("set", "okx", "--maker-bps", "1", "--taker-bps", "4", "--note", "from now on")
    (row,) = listed(fees, "--venue", "okx")
    assert row["taker_bps"] == 4.0
    start = datetime.fromisoformat(str(row["effective_from"])).replace(tzinfo=UTC)
    assert before <= start <= datetime.now(UTC)


def test_the_history_names_who_and_why(fees: Fees) -> None:
    fees(*SET, "--note", "agreed by phone")
    fees("set", "okx", "--maker-bps", "1", "--taker-bps", "4", "--note", "other")
    trail = fees("history", "--venue", "drift", "--format", "csv")
    header, entry = trail.output.splitlines()
    row = dict(zip(header.split(","), entry.split(","), strict=True))
    assert row["recorded_by"] == getpass.getuser()
    assert row["note"] == "agreed by phone"
    assert row["revoked"] == "false"
    table = fees("history").output
    assert [line.split("│")[3].strip() for line in table.splitlines() if "drift" in line] == ["set"]


def test_who_has_no_name_goes_by_number(fees: Fees, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nameless)
    monkeypatch.setattr("os.getuid", lambda: 4711)
    assert fees(*SET, "--note", "agreed").output.endswith("set by uid 4711\n")


def test_a_doubtful_fee_is_set_with_a_warning(fees: Fees) -> None:
    result = fees("set", "okx", "--maker-bps", "5", "--taker-bps", "2", "--note", "swapped")
    assert result.exit_code == 0
    assert "Warning: the maker fee, 5 bps, is above the taker fee, 2 bps" in result.stderr
    assert [row["maker_bps"] for row in listed(fees, "--venue", "okx")] == [5.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--venue", "okxx"], "there is no venue 'okxx'"),
        (["history", "--venue", "okxx"], "there is no venue 'okxx'"),
        ([*SET, "--tier", "ours", "--note", "agreed"], "drift has no tier 'ours'"),
        ([*SET, "--taker-bps", "450", "--note", "percent"], "taker fee of 450 bps"),
        ([*SET, "--note", " "], "the note is empty"),
        ([*SET, "--from", "2062-01-01", "--note", "soon"], "cannot begin at 2062-01-01T00:00:00"),
        (["revoke", "drift", "--from", "2026-01-01", "--note", "x"], "drift has no overrides"),
    ],
)
def test_what_is_refused_is_explained(fees: Fees, arguments: list[str], message: str) -> None:
    assert message in explained(fees(*arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--at", "yesterday"], "'yesterday' is not a time; write YYYY-MM-DD"),
        (["revoke", "drift", "--note", "x"], "Missing option '--from'"),
        (list(SET), "Missing option '--note'"),
        (["set", "okx", "--taker-bps", "x"], "'x' is not a valid float"),
    ],
)
def test_a_command_line_that_is_wrong(fees: Fees, arguments: list[str], message: str) -> None:
    result = fees(*arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_before_dbt_has_run_there_is_nothing_to_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(tmp_path))
    assert "there is no lake" in explained(run("fees", "list"))
    assert run("fees", *SET, "--note", "early").exit_code == 0
    assert "have not been built yet" in explained(run("fees", "list"))
    assert "early" in run("fees", "history").output
