"""``funding opportunities`` over a lake of known rows: bounds, forms, comparing, watching."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from funding_platform.arbitrage import find_opportunities
from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.commands import opportunities as command
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES, OPPORTUNITIES_BEST
from funding_platform.core.tables.marts.reasons import REASONS
from funding_platform.lake.connection import connect
from funding_platform.settings import Settings
from funding_platform_tests.arbitrage.market import build_lake, some_facts
from funding_platform_tests.command import explained, run

FACTS = some_facts()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(data_dir=tmp_path_factory.mktemp("opportunities"))
    build_lake(settings, (OPPORTUNITIES, FACTS), (OPPORTUNITIES_BEST, FACTS[::15]))
    return settings


@pytest.fixture(autouse=True)
def _over_the_lake(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(settings.data_dir))


def rows(*arguments: str) -> list[dict[str, Any]]:
    """What the command answers as JSON."""
    result = run("opportunities", *arguments, "--json")
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def found_by(settings: Settings, **fields: Any) -> list[dict[str, Any]]:
    """What Python answers, by way of the same JSON."""
    with connect(settings) as lake:
        found: list[dict[str, Any]] = json.loads(
            find_opportunities(OpportunityFilter(**fields), lake).write_json()
        )
    return found


# --- bounds

EVERY_OPTION: dict[str, dict[str, Any]] = {
    "--base BTC --base ETH": {"bases": ("BTC", "ETH")},
    "--symbol BTC-OKX": {"symbols": ("BTC-OKX",)},
    "--venue okx --venue bybit": {"venues": ("okx", "bybit")},
    "--long-venue okx": {"long_venues": ("okx",)},
    "--short-venue okx": {"short_venues": ("okx",)},
    "--exclude-venue okx --exclude-venue drift": {"exclude_venues": ("okx", "drift")},
    "--tier watch --tier actionable": {"tiers": ("watch", "actionable")},
    "--min-divergence 0.001": {"min_divergence_8h": 0.001},
    "--min-net -0.001": {"min_net": -0.001},
    "--min-net-apr 0.5": {"min_net_apr": 0.5},
    "--min-volume 1e5": {"min_volume_24h_usd": 1e5},
    "--max-volume 1e8": {"max_volume_24h_usd": 1e8},
    "--min-open-interest 1e4": {"min_open_interest_usd": 1e4},
    "--max-open-interest 1e8": {"max_open_interest_usd": 1e8},
    "--min-oi-ratio 0.5": {"min_open_interest_ratio": 0.5},
    "--max-oi-ratio 2": {"max_open_interest_ratio": 2},
    "--balance balanced": {"open_interest_balance": ("balanced",)},
    "--max-spread 12": {"max_spread_bps": 12},
    "--max-price-gap 10": {"max_price_gap_bps": 10},
    "--min-persistence 0.7": {"min_persistence": 0.7},
    "--min-half-life 20": {"min_half_life_hours": 20},
    "--horizon 1d": {"horizon": "1d"},
    "--fee-mode maker": {"fee_mode": "maker"},
    "--fee-tier binance=vip_1 --fee-tier bybit=vip_1": {
        "fee_tiers": {"binance": "vip_1", "bybit": "vip_1"}
    },
    "--size 50000": {"size_usd": 50_000},
    "--sort price_gap_bps": {"sort_by": "price_gap_bps"},
    "--ascending": {"descending": False},
    "--limit 3": {"limit": 3},
}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("options", EVERY_OPTION)
def test_an_option_is_a_field_of_the_filter(settings: Settings, options: str) -> None:
    expected = found_by(settings, **EVERY_OPTION[options])
    assert rows(*options.split()) == expected != []


def test_every_field_of_the_filter_has_an_option() -> None:
    fields = {field for stated in EVERY_OPTION.values() for field in stated}
    assert fields == set(OpportunityFilter.model_fields)


def test_list_is_what_runs_where_no_command_is_named(settings: Settings) -> None:
    assert rows() == rows("list") == found_by(settings)
    assert run("opportunities").stdout == run("opportunities", "list").stdout


def test_the_best_of_each_base() -> None:
    assert sorted(row["base"] for row in rows("--best")) == ["BTC", "ETH", "SOL"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--venue", "okx", "--exclude-venue", "okx"], 1, "okx is in venues and in exclude_venues"),
        (["--min-volume", "2", "--max-volume", "1"], 1, "min_volume_24h_usd (2) is above"),
        (["--min-volume", "-1"], 1, "min_volume_24h_usd: input should be greater than or equal"),
        (["--venue", "mtgox"], 1, "there is no venue 'mtgox'"),
        (["--base", "btc"], 1, "'btc'; did you mean BTC?"),
        (["--sort", "luck"], 1, "sort_by: 'luck' is no numeric column"),
        (["--limit", "0"], 1, "limit: input should be greater than or equal to 1 (got 0)"),
        (["--fee-tier", "binance=vip_11"], 1, "did you mean vip_1?"),
        (["--fee-tier", "mtgox=vip_1"], 1, "there is no venue 'mtgox'"),
        (["--fee-tier", "binance"], 2, "'binance' is not VENUE=TIER"),
        (["--fee-tier", "okx=a", "--fee-tier", "okx=b"], 2, "two tiers are named for okx"),
        (["--horizon", "2d"], 2, "'2d' is not one of"),
        (["--json", "--csv"], 2, "one format at a time, not csv and json"),
        (["--format", "table", "--json"], 2, "one format at a time, not json and table"),
        (["--explain", "--json"], 2, "--explain is for people"),
        (["--watch", "--csv"], 2, "--watch would repeat the header"),
        (["--watch", "--every", "0"], 2, "0"),
        (["comparr", "okx", "bybit"], 2, "No such command 'comparr'"),
        (["compare", "okx", "okx"], 1, "okx cannot be compared with itself"),
        (["compare", "okx", "mtgox"], 1, "there is no venue 'mtgox'"),
        (["compare", "okx"], 2, "Missing argument 'SECOND'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_line_is_explained(arguments: list[str], status: int, words: str) -> None:
    result = run("opportunities", *arguments)
    assert result.exit_code == status, result.output
    assert words in (explained(result) if status == 1 else result.stderr)


# --- forms


def test_the_table_shows_rates_costs_and_what_is_against_each_pair(settings: Settings) -> None:
    first = found_by(settings)[0]
    output = run("opportunities", "--horizon", "1d").stdout
    for heading in ("bp/8h", "cost bp", "net 1d bp", "net %/y", "against it"):
        assert heading in output
    assert f"{first['long_venue']} {first['long_symbol']}" in output
    rejected = run("opportunities", "--tier", "reject", "--limit", "100").stdout
    assert "long stale" in rejected


def test_csv_has_every_column_and_the_reasons_as_one_text(settings: Settings) -> None:
    shown = list(csv.DictReader(io.StringIO(run("opportunities", "--csv").stdout)))
    expected = found_by(settings)
    assert list(shown[0]) == list(OPPORTUNITIES.column_names)
    assert [row["reasons"].split() for row in shown] == [row["reasons"] for row in expected]
    assert [row["long_symbol"] for row in shown] == [row["long_symbol"] for row in expected]


def test_json_of_nothing_is_an_empty_list_and_says_why_beside_it() -> None:
    result = run("opportunities", "--min-net", "9", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, [])
    assert "0 of 45 pairs pass, 0 are shown" in result.stderr
    assert "min_net leaves out 45, of" in result.stderr


def test_what_is_left_out_is_said_when_asked() -> None:
    quiet = run("opportunities", "--max-price-gap", "10", "--limit", "2")
    told = run("opportunities", "--max-price-gap", "10", "--limit", "2", "--left-out")
    assert told.stdout == quiet.stdout
    assert quiet.stderr == ""
    apart = [facts["price_gap_bps"] for facts in FACTS]
    failing = [gap for gap in apart if gap is None or abs(gap) > 10]
    assert told.stderr == (
        f"{45 - len(failing)} of 45 pairs pass, 2 are shown\n"
        f"  max_price_gap_bps leaves out {len(failing)}, "
        f"of {apart.count(None)} the value is unknown\n"
    )


def test_pairs_are_explained_in_words() -> None:
    output = run("opportunities", "--explain", "--tier", "reject", "--limit", "3").stdout
    assert output.count("against it:") == 3
    assert output.count("four fees") == 3
    assert any(f"  - {reason.meaning} ({code})" in output for code, reason in REASONS.items())


# --- comparing


def test_two_venues_side_by_side(settings: Settings) -> None:
    compared = rows("compare", "lighter", "binance", "--sort", "net_apr")
    pairs = found_by(settings, venues=("lighter", "binance"), sort_by="net_apr")
    assert [row["base"] for row in compared] == [row["base"] for row in pairs]
    for row, pair in zip(compared, pairs, strict=True):
        assert row["first_symbol"] == f"{row['base']}-LIGHTER"
        if row["difference_8h"] is not None:
            sign = 1 if pair["long_venue"] == "lighter" else -1
            assert row["difference_8h"] == sign * pair["divergence_8h"]
    table = run("opportunities", "compare", "lighter", "binance").stdout
    assert "lighter bp/8h" in table
    assert "binance bp/8h" in table


def test_a_comparison_takes_the_other_options() -> None:
    assert {row["base"] for row in rows("compare", "okx", "bybit", "--base", "ETH")} == {"ETH"}
    result = run("opportunities", "compare", "okx", "bybit", "--min-net", "9")
    assert result.stdout == ""
    assert "0 of 45 pairs pass" in result.stderr


# --- watching


class Clock:
    """Stands for ``time``: counts the seconds slept, and is interrupted after some sleeps."""

    def __init__(self, sleeps: int) -> None:
        self.left = sleeps
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Pass the time at once."""
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        self.slept.append(seconds)


def watched(clock: Clock, patch: pytest.MonkeyPatch, *arguments: str) -> Result:
    patch.setattr(command, "time", clock)
    return run("opportunities", *arguments, "--watch")


def test_watching_looks_again_until_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(sleeps=2)
    result = watched(clock, monkeypatch, "--json", "--limit", "2", "--every", "5")
    assert result.exit_code == 0
    assert clock.slept == [5, 5]
    looks = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(looks) == 3
    assert looks[0] == looks[1] == looks[2] == rows("--limit", "2")
    assert result.stderr.count("UTC, again in 5 s") == 3


@pytest.mark.world
def test_watching_shows_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data_dir=tmp_path)
    build_lake(settings, (OPPORTUNITIES, FACTS[:3]))
    monkeypatch.setenv("FUNDING_DATA_DIR", str(tmp_path))

    class Changing(Clock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            with connect(settings, read_only=False) as lake:
                lake.execute(
                    "DELETE FROM marts.opportunities WHERE 'deribit' IN (long_venue, short_venue)"
                )

    result = watched(Changing(sleeps=1), monkeypatch, "--json")
    before, after = (json.loads(line) for line in result.stdout.splitlines())
    assert (len(before), len(after)) == (3, 2)


def test_a_failure_ends_the_first_look_and_not_the_watching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(tmp_path))
    assert "there is no lake" in explained(watched(Clock(sleeps=3), monkeypatch))
    settings = Settings(data_dir=tmp_path)
    build_lake(settings, (OPPORTUNITIES, FACTS[:3]))

    class Failing(Clock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            with connect(settings, read_only=False) as lake:
                lake.execute("ALTER TABLE marts.opportunities RENAME TO elsewhere")

    result = watched(Failing(sleeps=1), monkeypatch, "--json")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 1
    assert "the marts have not been built yet" in result.stderr
