"""Files as people have them: exports and answers of venues and vendors."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from funding_platform.core.time_grid import from_ms
from funding_platform.flows.errors import DumpError, ImportRefusedError, MappingError, SamplesError
from funding_platform.flows.importing.presets import PRESETS
from funding_platform_tests.flows.importing.dumps import (
    EIGHT_HOURS,
    FIRST_MS,
    PLAIN,
    read_dump,
    table,
)

OKX_OLD = (
    "instrument_name/合约名称,contract_type/合约类型,funding_rate/资金费率,"
    "real_funding_rate/实际资金费率,funding_time/资金费时间\n"
    "ETH-USD-SWAP,SWAP,0.0001,0.00012,1652313600000\n"
    "ETH-USD-SWAP,SWAP,0.0001,-0.00009,1652342400000\n"
)


def test_the_new_archive_of_okx(tmp_path: Path) -> None:
    text = (
        "\ufeffinstrument_name,funding_rate,funding_time\n"
        f"SOL-USDT-SWAP,-0.0001,{FIRST_MS + 2_345}\n"
        f"BTC-USD-SWAP,0.00012,{FIRST_MS}\n"
    )
    frame = read_dump(table(tmp_path, text), {})
    assert frame.select("venue", "venue_symbol", "funding_rate").rows() == [
        ("okx", "SOL-USDT-SWAP", -0.0001),
        ("okx", "BTC-USD-SWAP", 0.00012),
    ]
    assert frame["interval_hours"].null_count() == 2


@pytest.mark.parametrize("encoding", ["gbk", "utf-8", "utf-8-sig", "utf-16"])
def test_the_old_archive_of_okx_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "ETH-USD-SWAP-fundingrates-2022-05.csv"
    path.write_bytes(OKX_OLD.encode(encoding))
    frame = read_dump(path, {})
    assert frame["funding_rate"].to_list() == [0.00012, -0.00009]
    assert frame["venue_time"][0] == datetime(2022, 5, 12, tzinfo=UTC)
    assert set(frame["venue_symbol"]) == {"ETH-USD-SWAP"}


WEB_EXPORT = (
    '"Time","Contracts","Funding Interval","Funding Rate"\n'
    '"2021-07-09 {hour}:00:00","ETHUSDT Perpetual","8h","-0.0174%"\n'
    '"2021-07-09 {next}:00:00","ETHUSDT Perpetual","4h","0.0100%"\n'
)


def test_the_web_export_of_binance(tmp_path: Path) -> None:
    text = WEB_EXPORT.format(hour="03", next="07")
    path = table(tmp_path, text, "Funding Rate History.csv")
    with pytest.raises(MappingError, match=r"(?s)does not say time_zone.*--map time_zone=") as bad:
        read_dump(path, {})
    assert f"funding import '{path}'" in str(bad.value.hint)
    frame = read_dump(path, {"zone": "America/Chicago"})
    assert frame.select("venue", "venue_symbol", "funding_rate", "interval_hours").rows() == [
        ("binance", "ETHUSDT", -0.000174, 8.0),
        ("binance", "ETHUSDT", 0.0001, 4.0),
    ]
    assert [time.hour for time in frame["venue_time"]] == [8, 12]


ANSWERS: list[tuple[str, Any, dict[str, Any], tuple[object, ...]]] = [
    (
        "bybit",
        {
            "retCode": 0,
            "retMsg": "OK",
            "result": {
                "category": "linear",
                "list": [
                    {
                        "symbol": "XRPUSDT",
                        "fundingRate": "-0.0001",
                        "fundingRateTimestamp": str(FIRST_MS),
                    }
                ],
            },
            "retExtInfo": {},
            "time": FIRST_MS + 1,
        },
        {},
        ("bybit", "XRPUSDT", -0.0001, None),
    ),
    (
        "okx",
        {
            "code": "0",
            "msg": "",
            "data": [
                {
                    "instId": "BTC-USDT-SWAP",
                    "instType": "SWAP",
                    "fundingRate": "0.5",
                    "realizedRate": "0.0002",
                    "fundingTime": str(FIRST_MS),
                    "method": "current_period",
                }
            ],
        },
        {},
        ("okx", "BTC-USDT-SWAP", 0.0002, None),
    ),
    (
        "binance",
        [
            {
                "symbol": "BTCUSDT",
                "fundingTime": FIRST_MS,
                "fundingRate": "-0.00000000",
                "markPrice": "",
            }
        ],
        {"venue": "aster"},
        ("aster", "BTCUSDT", 0.0, None),
    ),
    (
        "hyperliquid",
        [{"coin": "kPEPE", "fundingRate": "1.25e-05", "premium": "0.1", "time": FIRST_MS}],
        {},
        ("hyperliquid", "kPEPE", 0.0000125, 1.0),
    ),
    (
        "ccxt",
        [
            {
                "info": {"symbol": "BTC_USDT", "extra": {"r": 1}},
                "symbol": "BTC/USDT:USDT",
                "fundingRate": 1.462e-05,
                "timestamp": FIRST_MS,
                "datetime": "2025-03-08T08:00:00.000Z",
            }
        ],
        {"venue": "gate"},
        ("gate", "BTC/USDT:USDT", 1.462e-05, None),
    ),
    (
        "ccxt",
        [
            {
                "info": {"timestamp": FIRST_MS, "interest_8h": -9.2e-05, "interest_1h": -4.7e-07},
                "symbol": "BTC/USD:BTC",
                "fundingRate": -9.2e-05,
                "timestamp": FIRST_MS,
                "fundingTimestamp": None,
                "interval": "8h",
                "indexPrice": 8222.87,
            }
        ],
        {},
        ("deribit", "BTC/USD:BTC", -4.7e-07, 1.0),
    ),
    (
        "ccxt",
        [{"symbol": "BTC/USDT:USDT", "fundingRate": -0.008, "timestamp": FIRST_MS}],
        {"venue": "grvt", "rate_unit": "percent"},
        ("grvt", "BTC/USDT:USDT", -0.00008, None),
    ),
    (
        "coinglass",
        {
            "code": "0",
            "msg": "success",
            "data": [
                {
                    "time": FIRST_MS - EIGHT_HOURS,
                    "open": "0.004603",
                    "high": "0.009388",
                    "low": "-0.005063",
                    "close": "0.009229",
                }
            ],
        },
        {"venue": "binance", "symbol": "BTCUSDT", "rate": "close", "interval_hours": "8"},
        ("binance", "BTCUSDT", 0.00009229, 8.0),
    ),
    (
        "coinalyze",
        [
            {
                "symbol": "BTCUSDT_PERP.A",
                "history": [
                    {
                        "t": (FIRST_MS - EIGHT_HOURS) // 1000,
                        "o": 0.01,
                        "h": 0.02,
                        "l": 0.01,
                        "c": 0.0123,
                    }
                ],
            }
        ],
        {"venue": "binance", "rate": "c", "interval_hours": 8},
        ("binance", "BTCUSDT", 0.000123, 8.0),
    ),
    (
        "columns",
        {"t": [FIRST_MS], "r": [0.0001]},
        PLAIN,
        ("v", "S", 0.0001, None),
    ),
    (
        "arrays",
        {"result": [[FIRST_MS, "0.0001"]]},
        {**PLAIN, "header": "t,r"},
        ("v", "S", 0.0001, None),
    ),
]


@pytest.mark.parametrize(
    ("answer", "told", "row"), [case[1:] for case in ANSWERS], ids=[case[0] for case in ANSWERS]
)
def test_answers_of_interfaces_kept_as_json(
    tmp_path: Path, answer: Any, told: dict[str, Any], row: tuple[object, ...]
) -> None:
    path = table(tmp_path, json.dumps(answer), "answer.json")
    frame = read_dump(path, told)
    read = frame.select("venue", "venue_symbol", "funding_rate", "interval_hours").rows()
    assert read == [row]
    assert frame["venue_time"][0] == from_ms(FIRST_MS)
    assert str(frame["funding_rate"][0]) == str(row[2])


def test_one_json_value_per_line(tmp_path: Path) -> None:
    rows = [{"t": FIRST_MS + n * EIGHT_HOURS, "r": n * 1e-5} for n in range(3)]
    text = "\n".join(json.dumps(row) for row in rows)
    path = table(tmp_path, text + "\n", "rates.jsonl")
    assert read_dump(path, PLAIN)["funding_rate"].to_list() == [0.0, 1e-5, 2e-5]
    bad = table(tmp_path, text + "\n{", "bad.ndjson")
    with pytest.raises(DumpError, match=r"bad.ndjson, line 4: is not JSON"):
        read_dump(bad, PLAIN)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "no rows are found"),
        ('{"code": "0", "data": []}', "no preset knows|no rows"),
        ("[]", "there are no rows"),
        ("{", "is not JSON"),
        ("[" * 100_000, "nested too deeply|is not JSON"),
        ('[{"t": 1, "r": 1, "r": 2}]', "the key 'r' is there twice"),
        ('{"t": [1, 2], "r": [1]}', "arrays of different lengths"),
        (f'[{{"t": {FIRST_MS}, "r": NaN}}]', "row 1, column r: 'NaN' is not a number"),
        (f'[{{"t": {FIRST_MS}}}]', "column r: is not among t"),
    ],
)
def test_json_that_is_no_table(tmp_path: Path, text: str, message: str) -> None:
    path = table(tmp_path, text, "answer.json")
    with pytest.raises(ImportRefusedError, match=message):
        read_dump(path, PLAIN if "code" not in text else {})


def test_bars_of_a_rate_ask_which_figure_was_settled(tmp_path: Path) -> None:
    text = json.dumps([{"time": FIRST_MS, "open": 1, "high": 1, "low": 1, "close": "0.01"}])
    path = table(tmp_path, text, "bars.json")
    with pytest.raises(MappingError, match=r"(?s)bars of a rate as it ran.*--map rate=close"):
        read_dump(path, {"venue": "binance", "symbol": "BTCUSDT"})


@pytest.mark.parametrize(
    "header",
    [
        "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,"
        "predicted_funding_rate,open_interest,last_price,index_price,mark_price",
        "time,coin,funding,open_interest,prev_day_px,day_ntl_vlm,premium,oracle_px,mark_px,mid_px,"
        "impact_bid_px,impact_ask_px",
    ],
)
def test_layouts_of_samples_are_refused_by_name(tmp_path: Path, header: str) -> None:
    values = ",".join("1" for _ in header.split(","))
    path = table(tmp_path, f"{header}\n{values}\n")
    with pytest.raises(SamplesError, match=r"(?s)samples of a rate.*core.market_snapshots"):
        read_dump(path, {"venue": "binance"})


def test_presets_are_told_apart() -> None:
    known = [frozenset(preset.known_by) for preset in PRESETS]
    assert len(set(known)) == len(known)
    assert len({preset.title for preset in PRESETS}) == len(PRESETS)
