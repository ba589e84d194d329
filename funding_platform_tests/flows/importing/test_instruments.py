"""Instruments of files: what a venue without an adapter needs to be priced."""

from pathlib import Path
from typing import Any

import pytest

from funding_platform.flows.errors import DumpError, ImportConflictError, MappingError
from funding_platform.settings import Settings
from funding_platform_tests.flows.importing.series.bars import imported, stored

FACTS = "SELECT base, quote, multiplier, contract_type, status FROM core.instruments"


def facts(folder: Path, text: str) -> Path:
    path = folder / "instruments.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_called_as_in_the_table_need_no_mapping(tmp_path: Path, lake: Settings) -> None:
    text = (
        "venue,venue_symbol,base,quote,settle,contract_size,listed_at\n"
        "gate,BTC_USD,BTC,USD,BTC,1,\n"
        "gate,1000PEPE_USDT,1000PEPE,USDT,USDT,10,2023-05-05T00:00:00Z\n"
        "bitmex,SOLUSD,SOL,USD,USDC,1,\n"
        "bitmex,ETHUSD,ETH,USD,XBT,0.000001,\n"
    )
    report = imported(lake, facts(tmp_path, text), table="instruments")
    assert report.rows == 4
    assert stored(lake, FACTS + " ORDER BY base") == [
        ("BTC", "USD", 1.0, "inverse", "unknown"),
        ("ETH", "USD", 1.0, "quanto", "unknown"),
        ("PEPE", "USDT", 1000.0, "linear", "unknown"),
        ("SOL", "USD", 1.0, "linear", "unknown"),
    ]
    listed = "SELECT year(listed_at) FROM core.instruments WHERE venue = 'gate' ORDER BY base"
    assert stored(lake, listed) == [(None,), (2023,)]


def test_other_columns_are_mapped(tmp_path: Path, lake: Settings) -> None:
    path = facts(tmp_path, "id,coin,ccy,mult,type\nX,SHIB,USDT,1000,linear\n")
    told = {
        "symbol_column": "id",
        "base": "coin",
        "quote": "ccy",
        "multiplier": "mult",
        "contract_type": "type",
        "venue": "mexc",
    }
    imported(lake, path, table="instruments", **told)
    assert stored(lake, FACTS) == [("SHIB", "USDT", 1000.0, "linear", "unknown")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("venue,symbol,base,quote\ngate,A,A,USDT\n", "is not known to be linear or inverse"),
        (
            "venue,symbol,base,quote,contract_type\nbitmex,A,A,USD,quanto\n",
            "nothing says what it settles in",
        ),
        ("venue,symbol,base,quote,settle\ngate,A,,USDT,USDT\n", "is blank"),
        (
            "venue,symbol,base,quote,settle,multiplier\ngate,A,A,USDT,USDT,0.5\n",
            "is outside 1.0 to any",
        ),
    ],
)
def test_facts_that_cannot_be(tmp_path: Path, lake: Settings, text: str, said: str) -> None:
    with pytest.raises(DumpError, match=said):
        imported(lake, facts(tmp_path, text), table="instruments")


def test_an_instrument_that_is_there_twice(tmp_path: Path, lake: Settings) -> None:
    text = "venue,symbol,base,quote,settle\ngate,A,A,USDT,USDT\ngate,A,B,USDT,USDT\n"
    with pytest.raises(MappingError, match="gate A is there twice"):
        imported(lake, facts(tmp_path, text), table="instruments")


@pytest.mark.parametrize(("venue", "collected"), [("gate", False), ("binance", True)])
def test_what_a_collected_venue_has_said_stays(
    tmp_path: Path, lake: Settings, venue: str, collected: bool
) -> None:
    told: dict[str, Any] = {"table": "instruments"}
    text = "venue,symbol,base,quote,settle\n{},A,{},USDT,USDT\n"
    imported(lake, facts(tmp_path, text.format(venue, "A")), **told)
    changed = facts(tmp_path, text.format(venue, "AA"))
    if not collected:
        imported(lake, changed, **told)
        assert stored(lake, "SELECT base FROM core.instruments") == [("AA",)]
        return
    with pytest.raises(ImportConflictError, match="base is AA, in the lake A"):
        imported(lake, changed, **told)
    assert stored(lake, "SELECT base FROM core.instruments") == [("A",)]
