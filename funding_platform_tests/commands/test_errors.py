"""What the command says when something is wrong: with the input, the machine, or itself."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from funding_platform.commands import common
from funding_platform.lake import connect
from funding_platform.settings import Settings, SettingsError
from funding_platform_tests.command import explained, run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for whatever a command keeps."""
    monkeypatch.setenv("FUNDING_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("FUNDING_TRACEBACK", raising=False)
    return tmp_path


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch, home: Path) -> pytest.MonkeyPatch:
    """Opening the lake is where a command begins to read: what that raises, the command meets."""
    return monkeypatch


def raise_(error: BaseException) -> None:
    raise error


# --- bugs, interrupts


@pytest.mark.parametrize(
    "bug", [ValueError("no such thing"), KeyError("x"), RecursionError("deep"), TypeError("t")]
)
def test_a_bug_is_not_shown_as_a_mistake_of_the_user(
    failing: pytest.MonkeyPatch, bug: Exception
) -> None:
    failing.setattr(
        "funding_platform.flows.queries.connection.open_lake", lambda *_, **__: raise_(bug)
    )
    result = run("coverage")
    assert result.exit_code == os.EX_SOFTWARE
    assert f"this is a bug in funding-platform: {type(bug).__name__}" in result.stderr
    assert "(test_errors.py, line" in result.stderr
    assert "hint: FUNDING_TRACEBACK=1" in result.stderr


def test_a_bug_is_raised_when_its_traceback_is_asked_for(failing: pytest.MonkeyPatch) -> None:
    failing.setenv("FUNDING_TRACEBACK", "1")
    failing.setattr(
        "funding_platform.flows.queries.connection.open_lake",
        lambda *_, **__: raise_(ValueError("x")),
    )
    assert isinstance(run("coverage").exception, ValueError)


def test_an_interrupt_ends_with_130_and_no_traceback(failing: pytest.MonkeyPatch) -> None:
    failing.setattr(
        "funding_platform.flows.queries.connection.open_lake",
        lambda *_, **__: raise_(KeyboardInterrupt()),
    )
    result = run("coverage")
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")


@pytest.mark.world
def test_ctrl_c_ends_a_query_and_its_process(home: Path) -> None:
    connect(Settings(), read_only=False).close()
    endless = "SELECT levenshtein(repeat('a', 400000), repeat('b', 400000))"
    command = "from funding_platform.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", command, "query", endless], stderr=subprocess.PIPE, text=True
    ) as program:
        server = _first_child(program.pid)
        _first_child(server)
        program.send_signal(signal.SIGINT)
        _, said = program.communicate()
    assert (program.returncode, said) == (130, "interrupted\n")


def _first_child(pid: int) -> int:
    """The process that a process will have started; pytest's own limit ends the wait otherwise."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    while not (found := children.read_text().split()):
        pass
    return int(found[0])


# --- text that acts


def test_no_message_acts_on_the_terminal(home: Path) -> None:
    assert r"\x1b[2J" in explained(run("query", "SELECT 1", "--memory", "\x1b[2J"))
    result = run("features", "--at", "\u202e")
    assert result.exit_code == 2
    assert r"\u202e" in result.stderr


def test_csv_and_json_are_exact_in_a_pipe_and_harmless_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    frame = pl.DataFrame({"a": ["\x1b[2J\u202e"]})
    for form in ("csv", "json"):
        file = tmp_path / form
        common.write_frame(frame, form, file)
        common.write_frame(frame, form)
        exact = capsys.readouterr().out
        assert exact == file.read_text()
        assert "\u202e" in exact
        with monkeypatch.context() as patch:
            patch.setattr(sys.stdout, "isatty", lambda: True)
            common.write_frame(frame, form)
        harmless = capsys.readouterr().out
        assert r"\u202e" in harmless
        assert not set("\x1b\u202e") & set(harmless)


# --- what newcomers meet


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("VENUE_URLS", "{bad", "venue_urls: not JSON (Expecting property name"),
        ("VENUE_URLS", "[1]", "venue_urls: input should be a valid dictionary"),
        ("VENUES", "[1", "venues: "),
        ("LAKE_THREADS", "many", "lake_threads: input should be a valid integer"),
        ("LAKE_THREADS", "0", "lake_threads: input should be greater than or equal to 1 (got '0')"),
        ("CURVE_EMISSION", "never", "curve_emission: input should be 'roll'"),
    ],
)
def test_a_setting_that_is_wrong_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"FUNDING_{name}", value)
    message = explained(run("coverage"))
    assert message.startswith("the settings are wrong: ")
    assert said in message
    with pytest.raises(SettingsError, match="hint: a setting comes from"):
        Settings()


def test_urls_of_venues_are_read_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDING_VENUE_URLS", '{"okx": "http://127.0.0.1:1/okx"}')
    assert Settings().venue_urls == {"okx": "http://127.0.0.1:1/okx"}
    assert Settings(venue_urls={"okx": "x"}).venue_urls == {"okx": "x"}


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_file_that_cannot_be_written_is_refused_before_any_work(home: Path, form: str) -> None:
    result = run("query", "SELECT 1", "--format", form, "--output", str(home / "nope" / "x"))
    assert result.exit_code == 2
    assert f"there is no folder {home / 'nope'}" in result.stderr


def test_what_the_machine_refuses_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / "file"
    file.write_text("x")
    monkeypatch.setenv("FUNDING_DATA_DIR", str(file))
    arguments = ("fees", "set", "okx", "--maker-bps", "1", "--taker-bps", "1", "--note", "x")
    assert explained(run(*arguments)).startswith(str(file))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "March"), "'March' is not a month; write YYYY-MM"),
        (("--from", "2025-13"), "'2025-13' is not a month"),
        (("--from", "2025-03", "--to", "2025-01"), "--to 2025-01 comes before --from 2025-03"),
    ],
)
def test_wrong_months_are_wrong_usage(home: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run("backfill", "okx", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    ("axis", "more", "said"),
    [
        ("strategy.erosion=0.5,0.5", (), "axis strategy.erosion has 0.5 more than once"),
        ("strategy.erosion=0.5", ("--samples", "0"), "--samples"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_explained(
    home: Path, axis: str, more: tuple[str, ...], said: str
) -> None:
    file = home / "carry.toml"
    file.write_text("last_days = 1\n")
    result = run("backtest", "sweep", "--config", str(file), "--axis", axis, *more)
    assert result.exit_code in {1, 2}
    assert said in result.stderr


@pytest.mark.parametrize("content", [b"a = \xff\xfe", b"start: 2025-13-45\n", b"[" * 5_000])
@pytest.mark.parametrize("suffix", ["toml", "yaml"])
def test_a_file_that_is_no_configuration_is_explained(
    home: Path, content: bytes, suffix: str
) -> None:
    file = home / f"x.{suffix}"
    file.write_bytes(content)
    message = explained(run("backtest", "run", "--config", str(file)))
    assert message.startswith(f"{file}: the configuration cannot be read")
    assert f"{file}: the mapping cannot be read" in explained(
        run("import", str(file), "--mapping", str(file))
    )
