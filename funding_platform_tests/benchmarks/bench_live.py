"""The board and what follows it: 14 venues, 300 perpetuals each, 10,000 updates a second.

The updates come by a clock that goes on by what work took of a processor, so that waiting costs
nothing, neighbours do not count, and every update waits for those before it. Peers do the plain
thing: pandas pairs all legs anew, and works out five figures of a pair; a curve is built from all
that has settled; a dictionary takes an update without a question.
"""

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from time import process_time

import numpy as np
import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.live import LIVE_RATES
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import HOUR, Window, to_ms
from funding_platform.curves import build_curves
from funding_platform.flows.live.given import mart_limits
from funding_platform.flows.live.recording import store_minutes
from funding_platform.lake import connect
from funding_platform.lake.upkeep.maintenance import maintain
from funding_platform.live.board.board import Board
from funding_platform.live.minutes import Minutes
from funding_platform.live.pairs.legs import DEPTH
from funding_platform.live.pairs.slots import PAST
from funding_platform.live.pairs.table import Given, PairTable
from funding_platform.live.strip import LiveStrips
from funding_platform.settings import Settings
from funding_platform.venues.streams.updates import MarketUpdate
from funding_platform_tests.benchmarks.bench_opportunities import pandas_pairs
from funding_platform_tests.benchmarks.measurement import Measurement, median_seconds, seconds

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
VENUES = tuple(f"venue{number:02}" for number in range(14))
A_SECOND = 10_000
REPEATS = 15

Said = tuple[str, MarketUpdate]


def run(quick: bool = False) -> list[Measurement]:
    symbols, lasting, minutes = (30, 1, 3) if quick else (300, 10, 60)
    listed = _listed(symbols)
    spoken = _spoken(symbols, A_SECOND * lasting)
    board = _board(listed, symbols)
    table = PairTable(_given())
    table.update(board.view())
    pairs = table.frame().height
    took, plain = _apply_seconds(_board(listed, symbols), spoken[:A_SECOND])
    waits, busy = _sustained(board, table, spoken)
    moved, all_anew = _recompute_seconds(board, table, symbols, len(spoken))
    strips, curves = _strip_seconds(board, listed)
    stored, megabytes, rows = _record(minutes, symbols)
    p99 = 1e3 * quantiles(waits, n=100)[-1]
    return [
        Measurement("board: an update of 7 values", 1e6 * took, "us", 1e6 * plain),
        Measurement(
            f"opportunities after 100 updates, of {pairs:,} pairs (peer: pandas, five figures)",
            1e3 * moved,
            "ms",
            1e3 * all_anew,
            least_ratio=2.0,
        ),
        Measurement(
            f"{A_SECOND:,} updates a second, frame to recomputed opportunities, p99",
            p99,
            "ms",
            target=250,
        ),
        Measurement(f"{A_SECOND:,} updates a second, of one core", 100 * busy, "%", target=100),
        Measurement(
            f"live strips of {len(listed):,} predictions (peer: curves from all settlements)",
            1e3 * strips,
            "ms",
            1e3 * curves,
            least_ratio=0.5,
        ),
        Measurement(f"a minute of {rows:,} rows committed", 1e3 * stored, "ms", target=2_000),
        Measurement("lake: a day by the minute, merged", megabytes, "MB"),
    ]


def _listed(symbols: int) -> pl.DataFrame:
    names = pl.DataFrame({"base": [f"COIN{number:03}" for number in range(symbols)]})
    return INSTRUMENTS.conform(
        names.join(pl.DataFrame({"venue": VENUES}), how="cross").with_columns(
            pl.format("{}USDT", "base").alias("venue_symbol"),
            pl.lit("USDT").alias("quote"),
            pl.lit(1.0).alias("multiplier"),
            pl.lit("linear").alias("contract_type"),
            pl.lit("trading").alias("status"),
            *(pl.lit(NOW, dtype=UTC_TIME).alias(f"{end}_seen_at") for end in ("first", "last")),
        )
    )


def _spoken(symbols: int, count: int) -> list[Said]:
    """Updates of random perpetuals, one after another."""
    random = np.random.default_rng(5)
    venue, symbol = random.integers(len(VENUES), size=count), random.integers(symbols, size=count)
    rate, price = random.normal(1e-4, 2e-4, count), 100 * random.normal(1, 1e-3, count)
    return [
        (VENUES[venue[n]], _update(int(symbol[n]), float(rate[n]), float(price[n]), n))
        for n in range(count)
    ]


def _update(symbol: int, rate: float, price: float, after: int) -> MarketUpdate:
    return MarketUpdate(
        venue_symbol=f"COIN{symbol:03}USDT",
        event_ms=to_ms(NOW) + after,
        predicted_rate=rate,
        interval_hours=8.0,
        next_funding_ms=to_ms(NOW + 4 * HOUR),
        mark_price=price,
        index_price=price,
        best_bid=price * 0.9999,
        best_ask=price * 1.0001,
    )


def _board(listed: pl.DataFrame, symbols: int) -> Board:
    """A board on which every perpetual has been spoken of once."""
    board = Board()
    board.list_instruments(listed)
    for venue in VENUES:
        board.apply(
            venue,
            NOW,
            [
                MarketUpdate(
                    venue_symbol=f"COIN{symbol:03}USDT",
                    predicted_rate=1e-4,
                    interval_hours=8.0,
                    volume_24h_usd=1e8,
                    open_interest_usd=1e7,
                    mark_price=100.0,
                )
                for symbol in range(symbols)
            ],
        )
    return board


def _given() -> Given:
    past = {name: OPPORTUNITIES.column(name).type.polars for name in OPPORTUNITIES.key}
    figures = dict.fromkeys(PAST, pl.Float64)
    return Given(
        fees=pl.DataFrame({"venue": VENUES}).with_columns(
            tier=pl.lit("base"), maker_bps=pl.lit(2.0), taker_bps=pl.lit(5.0)
        ),
        past=pl.DataFrame(schema={**past, **figures, "discovered_at": UTC_TIME}),
        market=pl.DataFrame(
            schema={
                **dict.fromkeys(("venue", "venue_symbol"), pl.String),
                **dict.fromkeys(("spread_bps", "open_interest_usd", "volume_24h_usd"), pl.Float64),
            }
        ),
        depth=pl.DataFrame(
            schema={
                **dict.fromkeys(("venue", "venue_symbol"), pl.String),
                **dict.fromkeys(DEPTH, pl.Float64),
                "measured_at": UTC_TIME,
            }
        ),
        limits=mart_limits(),
    )


def _apply_seconds(board: Board, spoken: Sequence[Said]) -> tuple[float, float]:
    """How long one update takes, on the board and in a plain dictionary."""

    def on_board() -> None:
        for venue, update in spoken:
            board.apply(venue, NOW, [update])

    held: dict[tuple[str, str], MarketUpdate] = {}

    def in_dictionary() -> None:
        for venue, update in spoken:
            held[venue, update.venue_symbol] = update

    return seconds(on_board) / len(spoken), seconds(in_dictionary) / len(spoken)


def _recompute_seconds(
    board: Board, table: PairTable, symbols: int, after: int
) -> tuple[float, float]:
    """How long opportunities take after a hundred updates, and pandas for all pairs."""
    took = []
    for number in range(REPEATS):
        for n in range(100):
            update = _update(n % symbols, 1e-4 * (number + 2), 100.0, after + 100 * number + n)
            board.apply(VENUES[n % len(VENUES)], NOW, [update])
        view = board.view()
        took.append(seconds(lambda: table.update(view)))  # noqa: B023
    legs = (
        board.view()
        .frame(NOW)
        .select(
            *("venue", "base", "mark_price", "open_interest_usd", "volume_24h_usd"),
            rate_8h=pl.col("predicted_rate"),
            taker_bps=pl.lit(5.0),
        )
        .to_pandas()
    )
    return sorted(took)[REPEATS // 2], median_seconds(lambda: pandas_pairs(legs), 3)


def _sustained(board: Board, table: PairTable, spoken: Sequence[Said]) -> tuple[list[float], float]:
    """How long each update waited for its opportunities, and how much of the time was worked.

    Whatever has come by the time that the work before is done is worked on at once, but not more
    often than ten times a second: nobody looks more often.
    """
    clock, busy, done = 0.0, 0.0, 0
    waits: list[float] = []
    while done < len(spoken):
        clock = max(clock, (len(waits) + A_SECOND // 10) / A_SECOND)
        come = min(len(spoken), int(clock * A_SECOND))
        begin = process_time()
        for venue, update in spoken[done:come]:
            board.apply(venue, NOW + timedelta(seconds=clock), [update])
        table.update(board.view())
        took = process_time() - begin
        clock, busy = clock + took, busy + took
        waits += [clock - number / A_SECOND for number in range(done, come)]
        done = come
    return waits, busy / clock


def _strip_seconds(board: Board, listed: pl.DataFrame) -> tuple[float, float]:
    """How long live strips of every perpetual take, and as curves of all that is known."""
    keys = listed.select("venue", "venue_symbol")
    times = pl.DataFrame(
        {"funding_time": [NOW - (4 + 8 * number) * HOUR for number in range(10)]},
        schema={"funding_time": UTC_TIME},
    )
    settled = FUNDING_RATES.conform(
        keys.join(times, how="cross").with_columns(
            funding_rate=pl.lit(1e-4),
            interval_hours=pl.lit(8.0),
            interval_inferred=pl.lit(False),
            venue_time="funding_time",
            observed_at="funding_time",
        )
    )
    strips = LiveStrips(settled, "update")
    view, later = board.view(), NOW + HOUR
    took = seconds(lambda: strips.observe(view, later))
    seen = MARKET_SNAPSHOTS.conform(
        view.frame(NOW).with_columns(snapshot_hour=pl.lit(NOW, dtype=UTC_TIME))
    )
    window = Window(NOW - 8 * HOUR, later)
    peer = seconds(lambda: build_curves(settled, window, predictions=seen, emission="collection"))
    return took, peer


def _record(minutes: int, symbols: int) -> tuple[float, float, int]:
    """How long a minute takes to commit, what a day of them comes to, and how many rows one has."""
    random = np.random.default_rng(6)
    took: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder) / "data", live_minute_days=0)
        board = _board(_listed(symbols), symbols)
        closing = Minutes(MINUTE, board.view(), NOW)
        for number in range(1, minutes + 1):
            now = NOW + number * MINUTE
            for venue in VENUES:
                rates = random.normal(1e-4, 1e-5, symbols).round(8)
                prices = (100 * random.normal(1, 1e-3, symbols)).round(2)
                board.apply(
                    venue,
                    now,
                    [
                        _update(n, float(rates[n]), float(prices[n]), number * 60_000)
                        for n in range(symbols)
                    ],
                )
            frame = closing.close(board.view(), now)
            took.append(seconds(lambda: store_minutes([frame], settings, "bench")))  # noqa: B023
        maintain(settings, keep_days=0)
        with connect(settings) as lake:
            size = lake.sql(
                "SELECT sum(file_size_bytes) FROM ducklake_table_info('lake') "
                f"WHERE table_name = '{LIVE_RATES.name}'"
            ).fetchone()
    held = float(size[0] or 0) if size else 0.0
    return sorted(took)[len(took) // 2], held / 1e6 / minutes * 1_440, frame.height
