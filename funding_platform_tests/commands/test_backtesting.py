"""``funding backtest`` over a small real lake: run, look, run again, vary."""

import json
import re
from pathlib import Path

import pytest
from click.testing import Result

from funding_platform.flows.queries import load_run, load_sweep, stored_runs, stored_sweeps
from funding_platform.lake import connect
from funding_platform.settings import Settings
from funding_platform_tests.backtest.markets import drawn_market
from funding_platform_tests.command import explained, run
from funding_platform_tests.flows.backtests.lakes import fill
from funding_platform_tests.reading import read

CONFIG = """
last_days = 8
[strategy]
horizon_hours = 48
entry_threshold = 1e-4
[costs]
flat_fee_bps = 1.0
"""

FOLDS = ["--in-sample-days", "3", "--out-of-sample-days", "2.5", "--floor", "-1000"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a market and one run, and a configuration beside it."""
    root = tmp_path_factory.mktemp("backtests")
    (root / "carry.toml").write_text(CONFIG)
    fill(Settings(data_dir=root / "data"), drawn_market(3))
    return root


@pytest.fixture
def settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FUNDING_DATA_DIR", str(folder / "data"))
    return Settings()


@pytest.fixture
def first(settings: Settings) -> str:
    """The id of a run that every test may suppose."""
    if read(stored_runs, settings).filter(name="first").is_empty():
        result = run("backtest", "run", "--config", "carry.toml", "--name", "first")
        assert result.exit_code == 0, result.output
    return str(read(stored_runs, settings).filter(name="first")["run_id"].item())


def swept(*arguments: str) -> Result:
    """A sweep that succeeds."""
    result = run("backtest", "sweep", "--config", "carry.toml", *arguments)
    assert result.exit_code == 0, result.output
    return result


def test_a_run_is_stored_shown_and_reported(settings: Settings) -> None:
    arguments = ["--config", "carry.toml", "--set", "costs.flat_fee_bps=2.5", "--name", "dearer"]
    result = run("backtest", "run", *arguments)
    assert result.exit_code == 0, result.output
    stored = read(load_run, settings, "latest")
    assert stored.row["name"] == "dearer"
    assert stored.config.costs.flat_fee_bps == 2.5
    assert stored.run_id in result.output
    (net,) = re.findall(r"net_pnl_usd +│ +(\S+) │ USD", result.output)
    assert float(net.replace(",", "")) == pytest.approx(stored.row["net_pnl_usd"], rel=1e-5)
    (report,) = re.findall(r"^report (.*\.html)$", result.output, re.M)
    text = Path(report).read_text(encoding="utf-8")
    for heading in ("Return by month", "By venue pair", "Profit and loss by component"):
        assert heading in text
    assert "http" not in text.replace("http-equiv", "")


def test_list_has_runs_newest_first(settings: Settings, first: str) -> None:
    result = run("backtest", "list", "--format", "json")
    rows = json.loads(result.output)
    assert [row["run_id"] for row in rows] == read(stored_runs, settings)["run_id"].to_list()
    assert len(json.loads(run("backtest", "list", "--limit", "1", "--format", "json").output)) == 1
    assert first in run("backtest", "list").output


@pytest.mark.world
def test_show_gives_a_configuration_that_runs_the_same(settings: Settings, first: str) -> None:
    shown = run("backtest", "show", first, "--config")
    Path("again.json").write_text(shown.output)
    assert run("backtest", "run", "--config", "again.json").exit_code == 0
    again, before = read(load_run, settings, "latest"), read(load_run, settings, first)
    assert again.config == before.config
    assert again.row["ledger_digest"] == before.row["ledger_digest"]
    assert first in run("backtest", "show", first).output


@pytest.mark.world
def test_rerun_says_that_nothing_differs_or_what(settings: Settings, first: str) -> None:
    result = run("backtest", "rerun", first)
    assert (result.exit_code, result.output.splitlines()[-1]) == (
        0,
        f"{first}: identical, bit by bit",
    )
    assert run("backtest", "run", "--config", "carry.toml").exit_code == 0
    other = read(load_run, settings, "latest").run_id
    with connect(settings, read_only=False) as connection:
        connection.execute(
            "UPDATE backtest.runs SET equity_digest = 'another' WHERE run_id = ?", [other]
        )
    message = explained(run("backtest", "rerun", other))
    assert f"{other} does not come out as it was: equity: " in message


@pytest.mark.world
def test_compare_shows_figures_and_fields(settings: Settings, first: str) -> None:
    arguments = ["--config", "carry.toml", "--set", "strategy.erosion=0.5"]
    assert run("backtest", "run", *arguments).exit_code == 0
    result = run("backtest", "compare", first, "latest")
    assert re.search(r"strategy\.erosion +│ 0\.8 +│ 0\.5 ", result.output)
    assert re.search(r"n_trades +│ +\d+ │ +\d+ │", result.output)
    assert "are one run" in explained(run("backtest", "compare", first, first))


def test_report_goes_where_it_is_told(settings: Settings, first: str, tmp_path: Path) -> None:
    result = run("backtest", "report", first, "--output", str(tmp_path / "deep" / "one.html"))
    assert result.exit_code == 0
    assert first in (tmp_path / "deep" / "one.html").read_text(encoding="utf-8")


def test_sweep_tries_all_points(settings: Settings) -> None:
    axes = ["--axis", "costs.flat_fee_bps=1,4", "--axis", "strategy.erosion=0.5,0.8"]
    result = swept(*axes)
    row, trials = read(load_sweep, settings, read(stored_sweeps, settings)["sweep_id"][0])
    assert trials.height == 4
    assert re.search(rf"best {row['best_run_id']}: Sharpe ratio -?[\d.]+", result.output)
    assert "deflated Sharpe ratio" in result.output
    listed = run("backtest", "list", "--sweep", row["sweep_id"], "--format", "json")
    assert {one["trial"] for one in json.loads(listed.output)} == {0, 1, 2, 3}
    assert row["sweep_id"] in run("backtest", "list", "--sweeps").output
    trial = trials["run_id"][0]
    assert "figures are kept, its trades are not" in explained(run("backtest", "report", trial))


@pytest.mark.world
def test_sweep_draws_the_same_points_for_a_seed(settings: Settings) -> None:
    arguments = ["--axis", f"costs.flat_fee_bps={','.join(map(str, range(50)))}", "--samples", "2"]
    for _ in range(2):
        swept(*arguments, "--seed", "5")
    drawn = [
        read(load_sweep, settings, one)[1]["config_digest"].to_list()
        for one in read(stored_sweeps, settings)["sweep_id"].head(2)
    ]
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 2


@pytest.mark.world
def test_sweep_walks_forward(settings: Settings) -> None:
    axis = ["--axis", "strategy.entry_threshold=5e-5,2e-4"]
    result = swept(*axis, *FOLDS)
    row = read(stored_sweeps, settings).row(0, named=True)
    assert row["method"] == "walk_forward"
    assert f"out of sample: return {row['total_return']:.2%}" in result.output


@pytest.mark.world
def test_sweep_shows_points_without_trades_and_invalid_ones(settings: Settings) -> None:
    axes = ["--axis", "strategy.entry_threshold=0.0001,5", "--axis", "strategy.erosion=0.5,7"]
    result = swept(*axes)
    row, trials = read(load_sweep, settings, read(stored_sweeps, settings)["sweep_id"][0])
    assert trials.sort("trial")["n_trades"].to_list()[1:] == [0]
    assert [failure[:2] for failure in row["failures"]] == ["1:", "3:"]
    assert result.output.count("input should be less than or equal to 1 (got 7)") == 2
    assert f"best {row['best_run_id']}: Sharpe ratio" in result.output


@pytest.mark.world
def test_a_walk_forward_says_what_its_folds_warn_of(settings: Settings) -> None:
    axis = ["--axis", "strategy.entry_threshold=5e-5,2e-4"]
    result = swept(*axis, *FOLDS)
    row = read(stored_sweeps, settings).row(0, named=True)
    warned = read(load_sweep, settings, row["sweep_id"])[1]["warnings"].explode().drop_nulls()
    said = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert len(said) == len(set(said)) > 0
    assert set(said) == {f"warning: {one}" for one in warned}


@pytest.mark.world
def test_a_walk_forward_shows_the_folds_that_it_sat_out(settings: Settings) -> None:
    axis = ["--axis", "strategy.entry_threshold=5"]
    result = swept(*axis, *FOLDS)
    assert result.stdout.count("sat out in cash") == 2


@pytest.mark.parametrize(
    ("axis", "reason"),
    [
        ("capital_usd=5e4,1e5", "a walk-forward cannot vary capital_usd"),
        ('bases=[["NOPE"]]', "runs in sample succeeded, the first: 0 in "),
    ],
)
def test_a_walk_forward_that_makes_no_sense_is_explained(
    settings: Settings, axis: str, reason: str
) -> None:
    result = run("backtest", "sweep", "--config", "carry.toml", "--axis", axis, *FOLDS)
    assert reason in explained(result)


def test_an_axis_has_each_value_once(settings: Settings) -> None:
    axis = ["--axis", "strategy.erosion=0.5,0.5,0.5"]
    result = run("backtest", "sweep", "--config", "carry.toml", *axis)
    assert "axis strategy.erosion has 0.5 more than once" in explained(result)


def test_a_report_that_cannot_be_written_is_explained(settings: Settings, first: str) -> None:
    message = explained(run("backtest", "report", first, "--output", "/proc/nope/x.html"))
    assert message.startswith("/proc/nope/x.html: the report cannot be written: ")


def test_a_sweep_without_a_single_result_fails(settings: Settings) -> None:
    result = run("backtest", "sweep", "--config", "carry.toml", "--axis", "costs.flatfee=1,2")
    assert result.exit_code == 1
    assert "no field 'costs.flatfee'" in result.output
    assert "none of 2 trials has a Sharpe ratio" in result.output


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--set", "capital_usd=-1"], "capital_usd: input should be greater than 0 (got -1)"),
        (["--set", "costs.flat_fe_bps=1"], "costs.flat_fe_bps: there is no such field"),
        (["--set", "strategy.erosion=often"], "strategy.erosion: input should be a valid number"),
        (["--set", "last_days=0"], "last_days: 0 is not a number of days above zero"),
        (["--set", "capital_usd.x=1"], "capital_usd.x: 'capital_usd' has no fields of its own"),
        (["--set", "capital_usd=1", "--set", "capital_usd=2"], "capital_usd is given twice"),
        (["--set", "capital_usd"], "'capital_usd' is not `field=value`"),
        (["--set", "seed=1"], "seed: there is no such field"),
        (["--set", 'bases=["NOPE"]'], "the lake has no instrument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_bad_configuration_names_its_field(
    settings: Settings, arguments: list[str], reason: str
) -> None:
    Path("plain.toml").write_text(f"capital_usd = 1e5\n{CONFIG}")
    assert reason in explained(run("backtest", "run", "--config", "plain.toml", *arguments))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["run", "--config", "nothing.toml"], "does not exist"),
        (["sweep", "--config", "carry.toml"], "Missing option '--axis'"),
        (["list", "--sweeps", "--sweep", "x"], "take either"),
        (["list", "--limit", "-3"], "-3 is not in the range x>=1"),
        (["list", "--limit", "0"], "0 is not in the range x>=1"),
        (["sweep", "--config", "carry.toml", "--axis", "x=1", "--seed", "-1"], "x>=0"),
        (
            ["sweep", "--config", "carry.toml", "--axis", "x=1", "--in-sample-days", "1e-6"],
            "'--in-sample-days'",
        ),
        (
            [
                "sweep",
                "--config",
                "carry.toml",
                "--axis",
                "max_positions=1",
                "--in-sample-days",
                "3",
            ],
            "needs --in-sample-days and --out-of-sample-days",
        ),
    ],
)
def test_a_wrong_command_line_is_explained(
    settings: Settings, arguments: list[str], reason: str
) -> None:
    result = run("backtest", *arguments)
    assert result.exit_code == 2
    assert reason in result.stderr


def test_what_is_not_stored_is_said(settings: Settings) -> None:
    assert "no backtest 'run-0' is stored" in explained(run("backtest", "show", "run-0"))
    assert "no sweep 'sweep-0'" in explained(run("backtest", "list", "--sweep", "sweep-0"))


@pytest.mark.world
def test_a_run_is_stressed_and_scaled(first: str) -> None:
    result = run("backtest", "stress", first, "--scenario", "venue-fails", "--format", "json")
    (row,) = json.loads(result.stdout)
    assert (row["scenario"], row["total_usd"] < 0) == ("venue-fails", True)
    assert "no stress scenario 1929" in explained(
        run("backtest", "stress", first, "--scenario", "1929")
    )
    result = run("backtest", "capacity", first, "--format", "csv")
    assert result.stdout.splitlines()[0].startswith("multiple,capital_usd")
    assert len(result.stdout.splitlines()) == 7
