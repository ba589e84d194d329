"""The walk through order books, against one in exact decimals and against its own properties."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from funding_platform.core.books.walk import walk_books
from funding_platform.core.tables.books.levels import ORDER_BOOK
from funding_platform_tests.core.books.naive import Side, cost_bps, within

TICK = Decimal("0.01")
NOW = datetime(2026, 9, 1, tzinfo=UTC)
NOTIONALS = (100.0, 1_000.0, 10_000.0, 250_000.0)
REACHES = (5.0, 10.0, 25.0)


@st.composite
def books(draw: st.DrawFn) -> tuple[Side, Side]:
    """Bids and asks around a mid, on a grid of ticks, best first."""
    middle = draw(st.integers(100, 10_000_000))
    steps = st.lists(st.integers(1, 50), min_size=1, max_size=12)
    sizes = st.integers(1, 10_000_000)

    def side(sign: int) -> Side:
        at, found = Decimal(middle), []
        for step in draw(steps):
            at += sign * step
            if at <= 0:
                break
            found.append((at * TICK, Decimal(draw(sizes)) / 1000))
        return found

    return side(-1), side(1)


def frame(bids: Side, asks: Side, symbol: str = "A") -> pl.DataFrame:
    rows = [
        {"venue": "v", "venue_symbol": symbol, "base": "A", "quote": "USD", "side": name,
         "level": level, "price": float(price), "size": float(size), "book_time": None,
         "observed_at": NOW}
        for name, side in (("bid", bids), ("ask", asks))
        for level, (price, size) in enumerate(side)
    ]  # fmt: skip
    return pl.DataFrame(rows, ORDER_BOOK.polars_schema)


def near(found: float | None, exact: Decimal | None) -> bool:
    if found is None or exact is None:
        return found is None and exact is None
    return abs(found - float(exact)) <= 1e-7 + 1e-9 * abs(float(exact))


@given(books())
@settings(max_examples=200, deadline=None)
def test_the_walk_is_that_of_exact_decimals(book: tuple[Side, Side]) -> None:
    bids, asks = book
    if not bids:
        return
    mid = (bids[0][0] + asks[0][0]) / 2
    row = walk_books(frame(bids, asks), NOTIONALS, REACHES).row(0, named=True)
    assert near(row["mid"], mid)
    assert (row["bid_levels"], row["ask_levels"]) == (len(bids), len(asks))
    for i, notional in enumerate(NOTIONALS):
        assert near(row[f"buy_{i}"], cost_bps(asks, mid, Decimal(notional)))
        assert near(row[f"sell_{i}"], cost_bps(bids, mid, Decimal(notional)))
    for i, reach in enumerate(REACHES):
        assert near(row[f"ask_within_{i}"], within(asks, mid, Decimal(reach)))
        assert near(row[f"bid_within_{i}"], within(bids, mid, Decimal(reach)))


@given(books())
@settings(max_examples=100, deadline=None)
def test_costs_grow_with_the_size_from_half_the_spread(book: tuple[Side, Side]) -> None:
    bids, asks = book
    if not bids:
        return
    row = walk_books(frame(bids, asks), NOTIONALS).row(0, named=True)
    half_spread = (row["ask"] - row["bid"]) / 2 / row["mid"] * 1e4
    for verb in ("buy", "sell"):
        costs = [row[f"{verb}_{i}"] for i in range(len(NOTIONALS))]
        reached = [cost for cost in costs if cost is not None]
        assert costs == reached + [None] * (len(costs) - len(reached))
        assert all(a <= b + 1e-8 for a, b in pairwise(reached))
        assert all(cost >= half_spread - 1e-8 for cost in reached)


@given(st.lists(books(), min_size=2, max_size=4))
@settings(max_examples=30, deadline=None)
def test_books_walked_together_are_as_if_each_were_alone(many: list[tuple[Side, Side]]) -> None:
    frames = [frame(*book, symbol=f"S{i}") for i, book in enumerate(many)]
    together = walk_books(pl.concat(frames).sample(fraction=1.0, shuffle=True), NOTIONALS, REACHES)
    alone = pl.concat([walk_books(one, NOTIONALS, REACHES) for one in frames])
    assert together.equals(alone)


def test_a_walk_by_hand() -> None:
    """1,000 USD: 505 at 101, the remaining 495 at 102; the bids hold 990 in all."""
    bids = [(Decimal(99), Decimal(10))]
    asks = [(Decimal(101), Decimal(5)), (Decimal(102), Decimal(50))]
    row = walk_books(frame(bids, asks), (1_000.0, 990.0), (100.0, 150.0)).row(0, named=True)
    assert row["mid"] == 100.0
    vwap = 1_000 / (5 + 495 / 102)
    assert row["buy_0"] == (vwap / 100 - 1) * 1e4
    assert row["sell_0"] is None
    assert abs(row["sell_1"] - 100.0) < 1e-9
    assert (row["ask_within_0"], row["ask_within_1"], row["bid_within_0"]) == (505.0, 505.0, 990.0)
    assert abs(row["ask_reach_bps"] - 200.0) < 1e-9


def test_without_one_side_there_is_no_mid_to_measure_from() -> None:
    row = walk_books(frame([], [(Decimal(101), Decimal(5))]), (1.0,), (5.0,)).row(0, named=True)
    assert (row["bid"], row["ask"], row["mid"]) == (None, 101.0, None)
    assert (row["bid_levels"], row["ask_levels"]) == (0, 1)
    for name in ("buy_0", "sell_0", "bid_within_0", "ask_within_0", "ask_reach_bps"):
        assert row[name] is None, name


def test_no_books_make_no_rows() -> None:
    assert walk_books(ORDER_BOOK.empty(), NOTIONALS, REACHES).is_empty()
