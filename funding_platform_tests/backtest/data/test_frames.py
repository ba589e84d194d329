"""What is handed in: what is refused, what is converted, what is inferred, what a window keeps."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.errors import DataError
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.flows.backtests.data import provider_from_files
from funding_platform.flows.backtests.sharing import shared
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform_tests.backtest.markets import (
    FREE,
    HOUR,
    START,
    Told,
    config,
    drawn_market,
    funding_frame,
    price_frame,
    settlement,
)
from funding_platform_tests.known import known

PAIR = ("a", "BTC-PERP"), ("b", "BTC-PERP")
ROWS = [
    *(settlement("a", hour, 1e-4, 1.0, 100.0) for hour in range(49)),
    *(settlement("b", hour, 4e-4, 8.0, 100.0) for hour in range(0, 49, 8)),
]
FUNDING = funding_frame(ROWS)
FACTS = FUNDING.select("venue", "venue_symbol", "base").unique().sort("venue")
PRICES = price_frame([("a", 0.5, 100.0), ("a", 1.5, 101.0)])
SNAPSHOTS = FACTS.select(
    "venue",
    "venue_symbol",
    observed_at=pl.lit(START, UTC_TIME),
    mark_price=100.0,
    volume_24h_usd=1e7,
)
FEES = pl.DataFrame(
    {
        "venue": ["a", "b"],
        "tier": ["base", "base"],
        "effective_from": [START - HOUR, START - HOUR],
        "maker_bps": [1.0, 1.0],
        "taker_bps": [5.0, 5.0],
    }
)
FEATURES = FACTS.select(
    "venue", "venue_symbol", available_at=pl.lit(START, UTC_TIME), level=pl.lit(0.5)
)
FRAMES = {
    "funding_rates": FUNDING,
    "instruments": FACTS,
    "prices": PRICES,
    "snapshots": SNAPSHOTS,
    "fees": FEES,
    "features": FEATURES,
}
TIMES = [
    ("funding_rates", "funding_time"),
    ("prices", "time"),
    ("snapshots", "observed_at"),
    ("features", "available_at"),
    ("fees", "effective_from"),
]


def take(**changes: Any) -> FundingDataProvider:
    return FundingDataProvider.from_frames(**{**FRAMES, **changes})


def changed(table: str, **columns: Any) -> dict[str, pl.DataFrame]:
    return {table: FRAMES[table].with_columns(**columns)}


def but_for_row(row: int, column: str, value: Any) -> pl.Expr:
    """A column with another value in one row."""
    return pl.when(pl.int_range(pl.len()) == row).then(value).otherwise(column)


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
        ("instruments", {"contract_type": ["linear", "quanto"]}, "contract_type 'quanto'"),
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


@pytest.mark.parametrize("column", ["taker_bps", "maker_bps", "effective_from", "tier", "venue"])
def test_fees_without_a_column_are_refused(column: str) -> None:
    with pytest.raises(DataError, match=f"fees has no column {column}"):
        take(fees=FEES.drop(column))


@pytest.mark.parametrize("hours", [float("nan"), float("inf"), -1.0, 0.0])
def test_an_interval_is_a_positive_number(hours: float) -> None:
    with pytest.raises(DataError, match=r"b BTC-PERP at .*interval_hours is not positive"):
        take(**changed("funding_rates", interval_hours=but_for_row(50, "interval_hours", hours)))


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


def intervals(data: FundingDataProvider, venue: str) -> list[float | None]:
    number = data.instruments["venue"].to_list().index(venue)
    return data.funding_rates.filter(instrument=number)["interval_hours"].to_list()


@pytest.mark.parametrize("there", [True, False])
def test_intervals_that_are_missing_come_from_the_settlement_before(there: bool) -> None:
    none = FUNDING.with_columns(interval_hours=pl.lit(None, pl.Float64))
    data = take(funding_rates=none if there else none.drop("interval_hours"))
    assert intervals(data, "a") == [None, *[1.0] * 48]
    assert intervals(data, "b") == [None, *[8.0] * 6]
    said = "the interval of 54 settlements was inferred from the settlement before"
    assert data.notes == (f"{said} (a BTC-PERP, b BTC-PERP)",)
    strategy = CrossVenueCarry(horizon_hours=48, entry_threshold=1e-4)
    assert run_backtest(config(48, strategy=strategy), data).trades.height > 0


def test_only_intervals_that_are_missing_are_inferred_and_the_frame_is_left_alone() -> None:
    given = FUNDING.with_columns(interval_hours=but_for_row(50, "interval_hours", None))
    before = given.clone()
    data = take(funding_rates=given)
    assert given.equals(before)
    assert data.fingerprint == take().fingerprint
    assert data.funding_rates.filter("interval_inferred")["funding_time"].to_list() == [
        START + 8 * HOUR
    ]
    assert data.notes == (
        "the interval of 1 settlements was inferred from the settlement before (b BTC-PERP)",
    )


def test_an_interval_is_inferred_from_what_came_before_only() -> None:
    hours = [0, 8, 16.01, 40, 48, 52, 52.2]
    rows = [settlement("a", hour, 1e-4, None, 100.0) for hour in hours]
    for count in range(1, len(rows) + 1):
        data = FundingDataProvider.from_frames(funding_frame(rows[:count]))
        known = [None, 8.0, 8.0, None, 8.0, 4.0, None]  # after 24 h there is a hole
        assert intervals(data, "a") == known[:count]


def test_an_instrument_without_any_interval_is_named() -> None:
    daily = [settlement("a", hour, 1e-4, None, 100.0) for hour in (0, 24, 48)]
    data = FundingDataProvider.from_frames(funding_frame([*daily, *ROWS[49:]]))
    assert data.notes == (
        "no interval is known of 1 instruments, whose rates compare with none (a BTC-PERP)",
    )


def test_notes_are_those_of_the_window_and_survive_sharing() -> None:
    given = FUNDING.with_columns(
        interval_hours=pl.when(pl.col("funding_time") > START + 8 * HOUR).then("interval_hours")
    )
    data = take(funding_rates=given)
    early, late = (
        data.load_data(START, START + 4 * HOUR),
        data.load_data(START + 9 * HOUR, START + 48 * HOUR),
    )
    assert early.notes[0].startswith("the interval of 4 settlements was inferred")
    assert "(a BTC-PERP)" in early.notes[0]
    assert late.notes == ()
    with shared(data) as opened:
        again = opened()
        assert again.notes == data.notes != ()
        assert again.load_data(START, START + 4 * HOUR).notes == early.notes


def test_a_settlement_of_the_window_is_paid_however_late_it_was_known() -> None:
    late = pl.col("funding_time") + pl.when(pl.col("venue") == "b").then(20 * HOUR).otherwise(HOUR)
    data = take(**changed("funding_rates", available_at=late))
    whole, cut = (
        run_backtest(config(hours, close_at_end=False), data, Told({2.0: PAIR}))
        for hours in (48, 30)
    )
    until = pl.col("time") < START + 30 * HOUR
    assert cut.equity.filter(until).equals(whole.equity.filter(until))
    paid = cut.ledger.filter(kind="settlement")["time"].to_list()
    assert paid.count(START + 24 * HOUR) == 2
    seen = data.load_data(START, START + 30 * HOUR).get_funding_rate(
        START + 30 * HOUR, "b", "BTC-PERP"
    )
    assert seen is not None
    assert seen.funding_time == START + 8 * HOUR


@pytest.mark.parametrize("seed", range(4))
def test_what_comes_after_a_cut_changes_no_equity_before_it(seed: int) -> None:
    market = drawn_market(seed).with_columns(
        available_at=pl.col("funding_time")
        + pl.duration(minutes=pl.col("funding_time").hash(seed) % 4 * 130)
    )
    data = FundingDataProvider.from_frames(market)
    strategy = CrossVenueCarry(horizon_hours=48, entry_threshold=1e-4)
    moment = 100 + 7 * seed
    whole, cut = (
        run_backtest(config(hours, strategy=strategy, close_at_end=False), data)
        for hours in (240, moment)
    )
    until = pl.col("time") < START + moment * HOUR
    assert cut.equity.filter(until).equals(whole.equity.filter(until))
    assert whole.equity.filter(until)["equity"].n_unique() > 3


def test_of_marks_that_became_known_together_the_newest_counts() -> None:
    rows = [settlement("a", hour, 1e-4, 8.0, 100.0 + hour) for hour in (0, 8, 16)]
    known = pl.Series([START + 20 * HOUR] * 2 + [START + 22 * HOUR], dtype=UTC_TIME)
    data = FundingDataProvider.from_frames(funding_frame(rows).with_columns(available_at=known))
    assert data.panel.prices.price.tolist() == [108.0, 116.0]


def test_a_window_keeps_the_newest_volume_before_it() -> None:
    def seen(venue: str, hour: float, volume: float) -> tuple[Any, ...]:
        return venue, "BTC-PERP", START + hour * HOUR, volume

    given = [
        seen("a", 0, 1.0), seen("a", 2, 2.0), seen("a", 11, 3.0), seen("a", 13, 4.0),
        seen("b", 1, 5.0), seen("b", 2, 6.0), seen("b", 10, 7.0), seen("b", 31, 8.0),
    ]  # fmt: skip
    names = ["venue", "venue_symbol", "observed_at", "volume_24h_usd"]
    frame = pl.DataFrame(given, schema=names, orient="row").cast({"observed_at": UTC_TIME})
    data = take(snapshots=frame)

    def volumes(begin: float, end: float, **chosen: Any) -> list[float]:
        narrow = data.load_data(START + begin * HOUR, START + end * HOUR, **chosen)
        found: list[float] = narrow.panel.volumes.volume_usd.tolist()
        return found

    assert volumes(10, 30) == [2.0, 3.0, 4.0, 7.0]
    assert volumes(12, 12.5) == [3.0]  # b has no settlement there
    assert volumes(8, 9, venues=["b"]) == [6.0]
    assert volumes(40, 48) == [4.0, 8.0]
    assert volumes(-1, 48) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]


def test_depth_goes_by_the_last_volume_known_wherever_the_window_begins() -> None:
    slippage = {"half_spread_bps": 0.0, "impact": "depth"}
    setting = config(48, costs={**FREE, "slippage": slippage})
    late = setting.model_copy(update={"start": START + 30 * HOUR})
    whole, part = (run_backtest(one, take(), Told({32.0: PAIR})) for one in (setting, late))
    assert known(whole.trades["impact_usd"].min()) > 0
    assert part.trades["impact_usd"].to_list() == whole.trades["impact_usd"].to_list()


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


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (datetime(2025, 3, 1, 1), "has no zone"),
        ("2025-03-01", "'2025-03-01' is a str, not a time"),
        (START.date(), "is a date, not a time"),
        (None, "None is a NoneType, not a time"),
    ],
)
def test_times_that_are_asked_for_have_a_zone(time: Any, said: str) -> None:
    data = take()
    for ask in (
        lambda: data.get_funding_rate(time, "a", "BTC"),
        lambda: data.get_spread(time, "a", "b", "BTC"),
        lambda: data.get_best_spread(time, "BTC"),
        lambda: data.load_data(time, datetime(2025, 3, 2, tzinfo=UTC)),
        lambda: data.load_data(START - timedelta(days=1), time),
    ):
        with pytest.raises(DataError, match=said):
            ask()


@pytest.mark.parametrize("convert", [pl.DataFrame.to_pandas, pl.DataFrame.to_arrow])
def test_frames_of_other_libraries_give_the_same_data(convert: Any) -> None:
    given = {name: convert(frame) for name, frame in FRAMES.items()}
    assert take(**given).fingerprint == take().fingerprint
