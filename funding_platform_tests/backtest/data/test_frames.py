"""What is handed in: what is refused, and what is converted."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.errors import DataError
from funding_platform.flows.backtests.data import provider_from_files
from funding_platform_tests.backtest.data.given import (
    FACTS,
    FEES,
    FRAMES,
    FUNDING,
    PAIR,
    ROWS,
    TIMES,
    but_for_row,
    changed,
    take,
)
from funding_platform_tests.backtest.markets import HOUR, START, Told, config, price_frame


def test_what_is_sound_is_taken() -> None:
    data = take()
    assert data.funding_rates.height == len(ROWS)
    assert "interval_inferred" not in data.funding_rates.columns
    assert data.notes == ()


@pytest.mark.parametrize(("table", "column"), TIMES)
def test_a_time_that_is_null_is_refused(table: str, column: str) -> None:
    with pytest.raises(DataError, match=rf"{table}\.{column} is null in row 1.*\(1 such rows\)"):
        take(**changed(table, **{column: but_for_row(1, column, None)}))


def test_a_null_time_is_said_with_its_instrument() -> None:
    without = pl.when(~pl.int_range(pl.len()).is_in([50, 52])).then("funding_time")
    with pytest.raises(DataError, match=r"funding_time is null in row 50 of b BTC-PERP \(2 such"):
        take(**changed("funding_rates", funding_time=without))


@pytest.mark.parametrize(("table", "column"), [*TIMES, ("funding_rates", "available_at")])
def test_a_time_without_a_zone_is_refused(table: str, column: str) -> None:
    source = "funding_time" if table == "funding_rates" else column
    naive = pl.col(source).dt.replace_time_zone(None)
    with pytest.raises(DataError, match=rf"{table}\.{column} is .*not a time in UTC\n.*replace_ti"):
        take(**changed(table, **{column: naive}))


def test_times_of_other_zones_are_converted() -> None:
    moved = {
        table: FRAMES[table].with_columns(
            pl.col(column).dt.convert_time_zone("Asia/Tokyo").dt.cast_time_unit("ns")
        )
        for table, column in TIMES
    }
    assert take(**moved).panel.settlements.time_us.tolist() == (
        take().panel.settlements.time_us.tolist()
    )
    narrow = take(**moved).load_data(START, START + 8 * HOUR)
    assert narrow.panel.prices.time_us.tolist() == (
        take().load_data(START, START + 8 * HOUR).panel.prices.time_us.tolist()
    )


def test_a_row_without_available_at_is_known_at_its_settlement() -> None:
    never = take(**changed("funding_rates", available_at=pl.lit(None)))
    assert never.fingerprint == take().fingerprint
    some = but_for_row(3, "funding_time", None)
    assert take(**changed("funding_rates", available_at=some)).fingerprint == never.fingerprint


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("funding_rates", "funding_rate"),
        ("funding_rates", "mark_price"),
        ("funding_rates", "interval_hours"),
        ("prices", "price"),
        ("snapshots", "mark_price"),
        ("snapshots", "volume_24h_usd"),
        ("fees", "taker_bps"),
        ("instruments", "multiplier"),
        ("instruments", "min_size"),
    ],
)
def test_text_for_numbers_is_refused(table: str, column: str) -> None:
    with pytest.raises(DataError, match=rf"{table}\.{column} is String, not numbers"):
        take(**changed(table, **{column: pl.lit("abc")}))


@pytest.mark.parametrize("table", ["funding_rates", "instruments", "prices", "snapshots", "fees"])
def test_numbers_for_names_are_refused(table: str) -> None:
    with pytest.raises(DataError, match=rf"{table}\.venue is Int32, not text"):
        take(**changed(table, venue=pl.lit(3)))


@pytest.mark.parametrize("kind", [pl.Categorical(), pl.Enum(["a", "b", "BTC-PERP", "base", "BTC"])])
@pytest.mark.parametrize("given", [True, False])
def test_categories_are_names(kind: Any, given: bool) -> None:
    names = ["venue", "venue_symbol", "base", "tier"]
    frames = {
        table: frame.cast({name: kind for name in names if name in frame.columns})
        for table, frame in FRAMES.items()
    }
    data = take(**frames) if given else take(**{**frames, "instruments": None})
    assert data.fingerprint == take().fingerprint
    assert data.instruments["venue"].dtype == pl.String
    free = run_backtest(config(48, costs={}), data, Told({1.0: PAIR}))
    assert free.trades["fees_usd"].sum() > 0


@pytest.mark.parametrize("table", sorted({*FRAMES} - {"instruments"}))
@pytest.mark.parametrize("other", [pl.LazyFrame(), {"venue": ["a"]}, "rates"])
def test_what_is_no_frame_is_refused(table: str, other: Any) -> None:
    kind = "polars.LazyFrame" if isinstance(other, pl.LazyFrame) else type(other).__name__
    said = rf"{table} is a {kind}, not a frame\n.*collect a LazyFrame"
    with pytest.raises(DataError, match=said):
        take(**{table: other})


def test_no_rates_at_all_are_refused() -> None:
    for instruments in (None, FACTS):
        with pytest.raises(DataError, match="funding_rates is a NoneType"):
            take(funding_rates=None, instruments=instruments)
    with pytest.raises(DataError, match=r"instruments is a polars\.LazyFrame"):
        take(instruments=FACTS.lazy())


@pytest.mark.parametrize(
    ("table", "columns", "said"),
    [
        ("instruments", {"multiplier": [1.0, None]}, "b BTC-PERP: multiplier None is not a posi"),
        ("instruments", {"multiplier": [float("nan"), 1.0]}, "a BTC-PERP: multiplier nan is not"),
        ("instruments", {"multiplier": [0.0, 1.0]}, "a BTC-PERP: multiplier 0.0 is not"),
        ("instruments", {"multiplier": [1.0, -1.0]}, "b BTC-PERP: multiplier -1.0 is not"),
        ("instruments", {"multiplier": [None, None]}, "a BTC-PERP: multiplier None is not"),
        ("instruments", {"contract_type": ["linear", None]}, "contract_type is null in row 1 of b"),
        ("instruments", {"contract_type": ["linear", "future"]}, "contract_type 'future'"),
        ("instruments", {"min_size": [-1.0, None]}, "a BTC-PERP: min_size -1.0 is no size"),
        ("instruments", {"min_size": [None, float("nan")]}, "b BTC-PERP: min_size nan is no size"),
        ("instruments", {"contract_size": [-1.0, 1.0]}, "a BTC-PERP: contract_size -1.0 is no si"),
        ("instruments", {"contract_size": [1.0, float("inf")]}, "b BTC-PERP: contract_size inf"),
        ("instruments", {"base": ["BTC", None]}, "instruments.base is null in row 1 of b BTC-PERP"),
        ("fees", {"taker_bps": [None, 5.0]}, r"fees.taker_bps is null in row 0 of a"),
        ("fees", {"maker_bps": [1.0, None]}, r"fees.maker_bps is null in row 1 of b"),
        ("fees", {"taker_bps": [5.0, float("nan")]}, "fees of b base from .*: taker_bps nan is no"),
        ("fees", {"taker_bps": [float("inf"), 5.0]}, "fees of a base from .*: taker_bps inf is no"),
        ("fees", {"tier": ["base", None]}, "fees.tier is null in row 1 of b"),
        ("fees", {"venue": ["a", "a"]}, "fees of a base from 2025-02-28 23:00.* are there twice"),
        ("snapshots", {"volume_24h_usd": [1e7, float("nan")]}, "b BTC-PERP .*volume_24h_usd is no"),
    ],
)
def test_facts_that_cannot_be_are_refused(table: str, columns: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        take(**changed(table, **{name: pl.Series(values) for name, values in columns.items()}))


def test_a_step_may_be_unknown() -> None:
    unknown = pl.Series([None, 0.5])
    data = take(**changed("instruments", min_size=unknown, contract_size=pl.Series([2.0, None])))
    assert data.panel.facts.step.tolist() == [0.0, 0.5]


def test_a_step_is_of_what_orders_are_counted_in() -> None:
    """Ten dollars on Deribit, whose contract of ten dollars is not what an order counts."""
    sizes = {"min_size": pl.Series([10.0, 0.1]), "contract_size": pl.Series([10.0, 100.0])}
    data = take(**changed("instruments", **sizes, order_unit=pl.Series([1.0, None])))
    assert data.panel.facts.step.tolist() == [10.0, 10.0]


@pytest.mark.parametrize("column", ["taker_bps", "maker_bps", "effective_from", "tier", "venue"])
def test_fees_without_a_column_are_refused(column: str) -> None:
    with pytest.raises(DataError, match=f"fees has no column {column}"):
        take(fees=FEES.drop(column))


@pytest.mark.parametrize("second", [100.0, 200.0])
def test_two_prices_at_one_instant_are_refused(second: float) -> None:
    with pytest.raises(DataError, match=r"a BTC-PERP at 2025-03-01 01:00.*a price is there twice"):
        take(prices=price_frame([("a", 1, 100.0), ("b", 1, 100.0), ("a", 1, second)]))


def test_a_price_that_cannot_be_is_refused_where_a_mark_hides_it() -> None:
    with pytest.raises(DataError, match=r"a BTC-PERP at .*a price is not a positive number"):
        take(prices=price_frame([("a", 0, -1.0)]))


def test_an_instrument_has_one_base_and_one_row() -> None:
    with pytest.raises(DataError, match="funding_rates has a BTC-PERP with several bases"):
        take(
            **changed("funding_rates", base=but_for_row(5, "base", pl.lit("ETH"))), instruments=None
        )
    with pytest.raises(DataError, match="instruments has a BTC-PERP twice"):
        take(instruments=pl.concat([FACTS, FACTS.head(1)]))


def test_times_of_a_csv_without_a_zone_are_utc_and_empty_columns_are_no_text(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rates.csv"
    FUNDING.with_columns(
        pl.col("funding_time").dt.replace_time_zone(None), mark_price=pl.lit(None, pl.Float64)
    ).write_csv(path)
    data = provider_from_files(funding_rates=path)
    assert data.funding_rates["funding_time"].min() == START
    assert data.panel.prices.price.tolist() == []


def test_one_string_is_no_list_of_names() -> None:
    for name in ("venues", "symbols", "bases"):
        with pytest.raises(DataError, match=rf"{name} is the string 'a'\n.*\['a'\]"):
            take().load_data(START, START + HOUR, **{name: "a"})


@pytest.mark.parametrize("convert", [pl.DataFrame.to_pandas, pl.DataFrame.to_arrow])
def test_frames_of_other_libraries_give_the_same_data(convert: Any) -> None:
    given = {name: convert(frame) for name, frame in FRAMES.items()}
    assert take(**given).fingerprint == take().fingerprint
