"""Whose settlements a file holds: the symbols in it, and the contracts that they name."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from funding_platform.flows.errors import DumpError, ImportRefusedError
from funding_platform.flows.importing.importer import import_files
from funding_platform.flows.importing.symbols import Symbols, Unresolved
from funding_platform.settings import Settings
from funding_platform_tests.flows.importing.dumps import binance_dump
from funding_platform_tests.flows.importing.samples import START, file_of, imported, listed
from funding_platform_tests.flows.importing.test_settlements import held

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
        ("binance", "BTCUSDT_260327", "a contract with an expiry", "--exclude"),
        ("binance", "BTCUSD_260327", "a contract with an expiry", "--exclude"),
        ("okx", "BTC-USD-260327", "a contract with an expiry", "--exclude"),
        ("okx", "BTC-USD-260327-100000-C", "a contract with an expiry", "--exclude"),
        ("deribit", "BTC-27MAR26", "a contract with an expiry", "--exclude"),
        ("bybit", "ETH-5JUN26-2500-P-USDT", "a contract with an expiry", "--exclude"),
        ("gate", "BTC_USDT_20260327", "a contract with an expiry", "--exclude"),
        ("okx", "BTC-USDT", "a spot market or an index", "table=spot_candles"),
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


@pytest.mark.parametrize(
    ("venue", "symbol"),
    [
        ("okx", "XAU-USD_UM_XPERP-310502"),
        ("okx", "BTC-USD-SWAP"),
        ("binance", "1000000MOGUSDT"),
        ("edgex", "10000001"),
        ("deribit", "BTC-PERPETUAL"),
        ("hyperliquid", "xyz:AAPL"),
        ("gate", "BTC_USDT"),
        ("paradex", "BTC-USD-PERP"),
    ],
)
def test_no_perpetual_is_taken_for_a_contract_that_expires(venue: str, symbol: str) -> None:
    known = Symbols(instruments())
    assert known.resolve(venue, symbol, told=True)[:2] == (venue, symbol)


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
