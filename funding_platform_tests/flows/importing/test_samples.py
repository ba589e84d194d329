"""What counts as a settlement in a file, and whose: into a real lake."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.flows.errors import (
    DumpError,
    ImportConflictError,
    ImportRefusedError,
    SamplesError,
)
from funding_platform.flows.importing.importer import import_files
from funding_platform.flows.importing.reports import ImportReport
from funding_platform.flows.importing.settlements import Known, require_settlements
from funding_platform.flows.importing.slots import with_slots
from funding_platform.flows.importing.symbols import Symbols, Unresolved
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.flows.importing.test_importer import binance_dump, read_dump, table
from funding_platform_tests.flows.importing.test_settlements import held

START = datetime(2025, 10, 5, tzinfo=UTC)
TOLD = {"time": "ts", "rate": "rate", "rate_unit": "fraction"}


@pytest.fixture
def lake(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def ramp(n: int) -> float:
    """A rate as it runs: another figure at every look."""
    return 1e-4 + n * 1e-7


def constant(_: int) -> float:
    return 1e-4


def file_of(
    folder: Path,
    step: timedelta,
    rows: int,
    rate: Callable[[int], float] = ramp,
    *,
    late: timedelta = timedelta(0),
    name: str = "rates.csv",
) -> Path:
    lines = [f"{(START + late + n * step).timestamp():.3f},{rate(n)!r}" for n in range(rows)]
    return table(folder, "\n".join(["ts,rate", *lines, ""]), name)


def imported(
    path: Path, settings: Settings, venue: str = "binance", symbol: str = "BTCUSDT", **told: Any
) -> ImportReport:
    told = {**TOLD, "venue": venue, "symbol": symbol, **told}
    return import_files([str(path)], settings, "run", told=told)


NOTHING = Known(
    pl.DataFrame(
        schema={"venue": pl.String, "venue_symbol": pl.String, "finest_hours": pl.Float64}
    ),
    pl.DataFrame(),
)


def checked(path: Path, venue: str, finest: float | None = None, **told: Any) -> None:
    """Look at a file's rows as an import does, with an interval that the lake would know."""
    rows = read_dump(path, {**TOLD, "venue": venue, "symbol": "S", **told})
    known = NOTHING
    if finest is not None:
        one = {"venue": [venue], "venue_symbol": ["S"], "finest_hours": [finest]}
        known = Known(pl.DataFrame(one), pl.DataFrame())
    numbered = rows.with_columns(
        pl.lit(0, dtype=pl.UInt32).alias("file"),
        pl.lit("kind" in told).alias("trusted"),
    )
    require_settlements(with_slots(numbered), [str(path)], known)


def listed(settings: Settings, *rows: tuple[str, str, str, str, str, float | None]) -> None:
    """Instruments in the lake: venue, symbol, base, quote, settle, interval."""
    frame = pl.DataFrame(
        [
            {
                "venue": venue,
                "venue_symbol": symbol,
                "base": base,
                "quote": quote,
                "settle": settle,
                "multiplier": 1.0,
                "contract_type": "inverse" if settle == base else "linear",
                "interval_hours": interval,
                "status": "trading",
                "first_seen_at": START,
                "last_seen_at": START,
            }
            for venue, symbol, base, quote, settle, interval in rows
        ],
        schema_overrides=dict(INSTRUMENTS.polars_schema),
    )
    with Lake(settings) as opened, opened.commit("listing", "instruments") as transaction:
        transaction.append(INSTRUMENTS, INSTRUMENTS.conform(frame))


@pytest.mark.parametrize("rate", [ramp, constant])
@pytest.mark.parametrize("seconds", [1, 10, 30, 60, 300, 900, 1800])
def test_samples_within_the_hour_are_refused(
    tmp_path: Path, seconds: int, rate: Callable[[int], float]
) -> None:
    path = file_of(tmp_path, timedelta(seconds=seconds), 300, rate)
    with pytest.raises(SamplesError, match=r"(?s)rates.csv, line \d+: .*core.market_snapshots"):
        checked(path, "hyperliquid", 1.0, kind="settlements")


def test_a_few_samples_are_not_one_settlement(tmp_path: Path, lake: Settings) -> None:
    path = file_of(tmp_path, timedelta(seconds=15), 4, constant)
    with pytest.raises(SamplesError, match="several stamps within a minute"):
        imported(path, lake)
    assert held(lake).is_empty()


def held_for_eight_hours(n: int) -> float:
    return 1e-4 * (1 + n // 8 % 5)


def running_for_eight_hours(n: int) -> float:
    return 1e-4 * math.sin(n // 8) + 1e-6 * (n % 8)


@pytest.mark.parametrize("rate", [held_for_eight_hours, running_for_eight_hours, constant])
def test_hourly_samples_of_a_longer_interval(tmp_path: Path, rate: Callable[[int], float]) -> None:
    path = file_of(tmp_path, timedelta(hours=1), 72, rate)
    with pytest.raises(SamplesError, match=r"(?s)samples.*kind=settlements"):
        checked(path, "binance")  # nothing is known of the venue
    with pytest.raises(SamplesError, match=r"settle S every 8 hours|settled rates, held"):
        checked(path, "binance", 8.0)
    checked(path, "binance", 8.0, kind="settlements")


def test_held_rates_are_seen_even_of_a_venue_that_settles_hourly(tmp_path: Path) -> None:
    path = file_of(tmp_path, timedelta(hours=1), 72, held_for_eight_hours)
    with pytest.raises(SamplesError, match="settled rates, held"):
        checked(path, "hyperliquid")


def test_hourly_settlements_are_taken_where_that_is_known(tmp_path: Path, lake: Settings) -> None:
    path = file_of(tmp_path, timedelta(hours=1), 72)
    checked(path, "hyperliquid")
    checked(path, "gate", interval_hours=1)
    with pytest.raises(SamplesError, match="nothing says that okx settles X-USDT-SWAP so often"):
        imported(path, lake, "okx", "X-USDT-SWAP")
    listed(lake, ("okx", "X-USDT-SWAP", "X", "USDT", "USDT", 1.0))
    assert imported(path, lake, "okx", "X-USDT-SWAP").rows == 72


def test_four_hourly_samples_of_what_settles_every_eight(tmp_path: Path, lake: Settings) -> None:
    path = file_of(tmp_path, timedelta(hours=4), 24)
    listed(lake, ("bybit", "BTCUSDT", "BTC", "USDT", "USDT", 8.0))
    with pytest.raises(SamplesError, match="only known to settle BTCUSDT every 8 hours"):
        imported(path, lake, "bybit")


def test_nothing_was_settled_between_two_settlements(tmp_path: Path, lake: Settings) -> None:
    eight = file_of(tmp_path, timedelta(hours=8), 9)
    imported(eight, lake, interval_hours=8)
    hourly = file_of(tmp_path, timedelta(hours=1), 3, lambda n: ramp(0), name="hourly.csv")
    with pytest.raises(SamplesError, match=r"line 3: .* between settlements that the lake holds"):
        imported(hourly, lake, kind="settlements", interval_hours=1)


def test_a_rolling_figure_is_named(tmp_path: Path) -> None:
    path = file_of(tmp_path, timedelta(hours=1), 24)
    with pytest.raises(SamplesError, match=r"line 3: .*23 rows for 8 hours .* rolling figure"):
        checked(path, "deribit", interval_hours=8)


def test_late_settlements_are_no_samples(tmp_path: Path) -> None:
    minutes = [0, 2, 0, 19, 0, 0, 1, 0, 0, 12, 0, 0, 0, 3]
    lines = [
        f"{(START + timedelta(hours=n, minutes=late)).timestamp():.0f},{ramp(n)}"
        for n, late in enumerate(minutes)
    ]
    path = table(tmp_path, "\n".join(["ts,rate", *lines, ""]))
    checked(path, "drift")


@pytest.mark.parametrize("late", [timedelta(seconds=30), timedelta(milliseconds=6)])
def test_a_settlement_told_twice_is_named(tmp_path: Path, lake: Settings, late: timedelta) -> None:
    one = file_of(tmp_path, timedelta(hours=8), 3).read_text()
    two = file_of(tmp_path, timedelta(hours=8), 3, late=late).read_text()
    path = table(tmp_path, one + two.removeprefix("ts,rate\n"), "both.csv")
    report = imported(path, lake)
    assert report.rows == 3
    assert any(
        "3 rows tell a settlement again, the first in line 5" in note for note in report.notes
    )
    other = table(tmp_path, one + two.removeprefix("ts,rate\n").replace("0.0001\n", "0.0002\n"))
    with pytest.raises(ImportConflictError, match=r"data.csv line 5: .* in .*data.csv line 2"):
        imported(other, Settings(data_dir=tmp_path / "fresh"))


def test_each_stamp_is_rounded_on_its_own(tmp_path: Path) -> None:
    stamps = [START + timedelta(seconds=40), START + timedelta(seconds=95)]
    lines = [f"{stamp.timestamp():.0f},0.0001" for stamp in stamps]
    path = table(tmp_path, "\n".join(["ts,rate", *lines, ""]))
    with pytest.raises(SamplesError, match=r"line 3: .* comes 95 seconds after"):
        checked(path, "binance")


CCXT = [
    ("binance", "ETH/USDT:USDT", "ETHUSDT"),
    ("bybit", "ETH/USD:ETH", "ETHUSD"),
    ("okx", "ETH/USDT:USDT", "ETH-USDT-SWAP"),
    ("okx", "ETH/USD:ETH", "ETH-USD-SWAP"),
    ("bybit", "ETH/USDC:USDC", "ETHPERP"),
]


def instruments(*rows: tuple[str, str, str, str, str]) -> pl.DataFrame:
    names = ["venue", "venue_symbol", "base", "quote", "settle"]
    frame = pl.DataFrame(list(rows), schema=dict.fromkeys(names, pl.String), orient="row")
    inverse = pl.col("settle") == pl.col("base")
    return frame.with_columns(
        pl.lit(1.0).alias("multiplier"),
        pl.when(inverse).then(pl.lit("inverse")).otherwise(pl.lit("linear")).alias("contract_type"),
    )


@pytest.mark.parametrize("collected", [False, True])
@pytest.mark.parametrize(("venue", "spelling", "symbol"), CCXT)
def test_symbols_of_ccxt_resolve(venue: str, spelling: str, symbol: str, collected: bool) -> None:
    base, _, rest = spelling.partition("/")
    quote, settle = rest.split(":")
    rows = [(venue, symbol, base, quote, settle), (venue, "ETH-OTHER", base, "EUR", "EUR")]
    known = Symbols(instruments(*(rows if collected else [])))
    found = known.resolve(venue, spelling, told=True)
    assert found[:2] == (venue, symbol)
    assert found.note is not None
    assert spelling in found.note


def test_a_thousand_of_a_coin_is_not_the_coin() -> None:
    rows = [("binance", "1000PEPEUSDT", "PEPE", "USDT", "USDT")]
    known = Symbols(instruments(*rows).with_columns(pl.lit(1000.0).alias("multiplier")))
    found = known.resolve("binance", "1000PEPE/USDT:USDT", told=True)
    assert found.symbol == "1000PEPEUSDT"
    with pytest.raises(Unresolved, match="is not listed"):
        known.resolve("binance", "PEPE/USDT:USDT", told=True)


@pytest.mark.parametrize(
    ("venue", "symbol", "message", "hint"),
    [
        ("binance", "XYZ/USDT:USDT", "is not listed on binance", "symbols=XYZ/USDT:USDT="),
        ("binance", "BTC/USDT:USDT-251226", "a contract with an expiry", "leave"),
        ("mexc", "BTC/USDT:USDT", "ccxt's spelling", "funding collect mexc"),
        ("binance", "BTC-USDT", "lists BTCUSDT", "symbols=BTC-USDT=BTCUSDT"),
        ("binance", "btcusdt", "lists BTCUSDT", "symbols=btcusdt=BTCUSDT"),
        ("binance", "BTCUSDT.P", "lists BTCUSDT", "symbols=BTCUSDT.P=BTCUSDT"),
        ("binance", "BTCUSDT Perpetual", "lists BTCUSDT", "symbols="),
        ("binance", "BTCUSD_PERP", "is a COIN-M contract", "venue=binance_coinm"),
    ],
)
def test_what_is_no_symbol_of_its_venue_is_named(
    venue: str, symbol: str, message: str, hint: str
) -> None:
    known = Symbols(instruments(("binance", "BTCUSDT", "BTC", "USDT", "USDT")))
    with pytest.raises(Unresolved, match=message) as error:
        known.resolve(venue, symbol, told=True)
    assert hint in error.value.hint


def test_a_second_spelling_makes_no_second_series(tmp_path: Path, lake: Settings) -> None:
    listed(lake, ("binance", "BTCUSDT", "BTC", "USDT", "USDT", 8.0))
    path = file_of(tmp_path, timedelta(hours=8), 2)
    with pytest.raises(DumpError, match=r"(?s)line 2: 'BTC-USDT' .*symbols=BTC-USDT=BTCUSDT"):
        imported(path, lake, symbol="BTC-USDT")
    assert held(lake).is_empty()
    for spelling, told in (("BTC-USDT", {"symbols": "BTC-USDT=BTCUSDT"}), ("BTC/USDT:USDT", {})):
        report = imported(path, lake, symbol=spelling, **told)
        assert report.files["venue_symbol"].to_list() == ["BTCUSDT"]


def test_a_symbol_that_is_no_longer_listed_is_taken_and_named(
    tmp_path: Path, lake: Settings
) -> None:
    listed(lake, ("binance", "BTCUSDT", "BTC", "USDT", "USDT", 8.0))
    report = imported(file_of(tmp_path, timedelta(hours=8), 2), lake, symbol="LUNAUSDT")
    assert report.rows == 2
    assert any("binance does not list LUNAUSDT" in note for note in report.notes)


def test_coin_margined_contracts_are_a_venue_of_their_own(tmp_path: Path, lake: Settings) -> None:
    moment = int(START.timestamp() * 1000)
    months = [
        binance_dump(tmp_path, symbol, "2025-10", [(moment, 8, "0.0001")])
        for symbol in ("BTCUSD_PERP", "BTCUSDT", "BTCBUSD", "ETHUSDC")
    ]
    report = import_files([str(path) for path in months], lake, "months")
    assert sorted(report.files.select("venue", "venue_symbol").rows()) == [
        ("binance", "BTCBUSD"),
        ("binance", "BTCUSDT"),
        ("binance", "ETHUSDC"),
        ("binance_coinm", "BTCUSD_PERP"),
    ]
    with pytest.raises(ImportRefusedError, match=r"(?s)COIN-M.*--map venue=binance_coinm"):
        import_files([str(months[0])], lake, "told", told={"venue": "binance"})


def test_negative_zeros_are_zeros(tmp_path: Path, lake: Settings) -> None:
    lines = [f"{START.timestamp() + n * 28_800:.0f},-0.00000000" for n in range(2)]
    imported(table(tmp_path, "\n".join(["ts,rate", *lines, ""])), lake)
    assert [str(rate) for rate in held(lake, "funding_rate")["funding_rate"]] == ["0.0", "0.0"]
