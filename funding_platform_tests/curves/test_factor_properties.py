"""What must hold for the factors of any history: no look-ahead, no seams, no order."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from funding_platform.core.intervals import infer_intervals
from funding_platform.core.tables.features.curves import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import HOUR, Window
from funding_platform.curves import LOOK_BACK, build_curves, curve_factors
from funding_platform.curves.factors import FACTOR_LOOK_BACK
from funding_platform.curves.strips import Emission
from funding_platform_tests.curves.frames import START, Print, at, settlements
from funding_platform_tests.curves.slow_factors import slow_factors
from funding_platform_tests.examples import costly

HOURS = 8 * 120
"""40 days: longer than the trailing window, so that its far edge is inside."""

PAST = START - timedelta(days=400)
NAMES = (("a", "S"), ("b", "S"), ("b", "T"), ("c", "U"))
INSTRUMENTS = pl.DataFrame(
    {"venue": [v for v, _ in NAMES], "venue_symbol": [s for _, s in NAMES], "base": "BTC"}
)
EMISSIONS = st.sampled_from(["roll", "collection", "grid"])

PRICES = ("mark_price", "index_price", "open_interest_base")


@dataclass(frozen=True)
class Market:
    """Everything that was settled and seen of a few instruments of one base."""

    settled: pl.DataFrame
    seen: pl.DataFrame

    def curves(self, window: Window, emission: Emission = "roll") -> pl.DataFrame:
        return build_curves(self.settled, window, predictions=self.seen, emission=emission)

    def factors(self, curves: pl.DataFrame, since: datetime | None = None) -> pl.DataFrame:
        return curve_factors(curves, instruments=INSTRUMENTS, snapshots=self.seen, since=since)

    def known_at(self, moment: datetime) -> "Market":
        return Market(
            self.settled.filter(pl.col("funding_time") <= moment),
            self.seen.filter(pl.col("observed_at") <= moment),
        )


def market(seed: int) -> Market:
    """Drawn by a generator from one seed: hypothesis shrinks the seed, not two thousand rates."""
    random = Random(seed)
    settled, seen = [], []
    for venue, symbol in NAMES:
        interval = random.choice([1, 2, 4, 8, 8, 8])
        first = random.choice([0, 0, 0, 4]) + random.choice([0, 0, 700])
        late = random.choice([0.0, 0.0, 1 / 3600, 0.3])
        loss = random.choice([0.0, 0.02, 0.3])
        stated = random.choice([float(interval), None])
        prints: list[Print] = []
        for hour in range(first + interval, HOURS, interval):
            if random.random() >= loss:
                rate = random.gauss(1e-4, 5e-5) * interval / 8 * random.choice([1] * 40 + [60])
                prints.append((hour + late * random.random(), rate, stated))
        settled.append(settlements(prints, symbol, venue))
        seen.append(observations(random, venue, symbol, float(interval)))
    return Market(infer_intervals(pl.concat(settled)), pl.concat(seen))


def inferred_anew(settled: pl.DataFrame) -> pl.DataFrame:
    """The settlements with all that was inferred of their intervals inferred of these rows."""
    stated = pl.when(~pl.col("interval_inferred")).then("interval_hours")
    return infer_intervals(settled.with_columns(stated.alias("interval_hours")))


def observations(random: Random, venue: str, symbol: str, interval: float) -> pl.DataFrame:
    hours = [
        hour + random.choice([0.0, 0.1, random.random()])
        for hour in range(0, HOURS, random.choice([1, 3, 11]))
    ]
    return pl.DataFrame(
        {
            "venue": venue,
            "venue_symbol": symbol,
            "observed_at": [at(hour) for hour in hours],
            "predicted_rate": [random.gauss(1e-4, 1e-4) * interval / 8 for _ in hours],
            "interval_hours": interval,
            "next_funding_time": None,
            "mark_price": [random.choice([None, 100 + random.random()]) for _ in hours],
            "index_price": 100.0,
            "open_interest_base": [random.choice([None, 0.0, 1 + random.random()]) for _ in hours],
        },
        schema_overrides={
            "observed_at": UTC_TIME,
            "next_funding_time": UTC_TIME,
            **dict.fromkeys(PRICES, pl.Float64),
        },
    )


MARKETS = st.integers(0, 10_000).map(market)
INSTANTS = st.floats(0, HOURS).map(at)


@costly(12)
@given(MARKETS, INSTANTS, EMISSIONS, st.randoms(use_true_random=False))
def test_the_future_changes_no_column_of_what_is_available(
    before: Market, moment: datetime, emission: Emission, random: Random
) -> None:
    """Every rate, price and open interest after the moment is changed or gone, and with them what
    the intervals of others are inferred from."""
    seed = random.randrange(1000)
    later_settled = before.settled.filter(
        (pl.col("funding_time") > moment) & (pl.int_range(pl.len()).shuffle(seed) % 2 == 0)
    ).with_columns(pl.col("funding_rate") * -3)
    later_seen = before.seen.filter(
        (pl.col("observed_at") > moment) & (pl.int_range(pl.len()).shuffle(seed) % 2 == 0)
    ).with_columns(pl.col("predicted_rate", *PRICES) * 2)
    known = before.known_at(moment)
    after = Market(
        inferred_anew(pl.concat([known.settled, later_settled])),
        pl.concat([known.seen, later_seen]),
    )
    window = Window(PAST, at(HOURS))
    tables = []
    for world in (before, after):
        curves = world.curves(window, emission)
        available = pl.col("available_at") <= moment
        tables.append((curves.filter(available), world.factors(curves).filter(available)))
    assert tables[0][0].equals(tables[1][0])
    assert tables[0][1].equals(tables[1][1])


@costly(12)
@given(MARKETS, INSTANTS, EMISSIONS)
def test_a_window_split_anywhere_gives_the_same_factors(
    world: Market, cut: datetime, emission: Emission
) -> None:
    """Each part is handed no more than it asks for, to the last digit."""
    curves = world.curves(Window(PAST, at(HOURS)), emission)
    parts = [
        world.factors(
            curves.filter(
                pl.col("as_of").is_between(part.start - FACTOR_LOOK_BACK, part.end, closed="left")
            ),
            part.start,
        )
        for part in (Window(PAST, cut), Window(cut, at(HOURS)))
    ]
    whole = world.factors(curves)
    assert pl.concat(parts).sort(CURVE_FACTORS.key).equals(whole)


@costly(12)
@given(MARKETS, st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(world: Market, seed: int) -> None:
    curves = world.curves(Window(PAST, at(HOURS)))
    shuffled, seen = (
        frame.sample(fraction=1.0, shuffle=True, seed=seed) for frame in (curves, world.seen)
    )
    assert Market(world.settled, seen).factors(shuffled).equals(world.factors(curves))


@costly(5)
@given(MARKETS, EMISSIONS)
def test_agrees_with_the_slow_factors(world: Market, emission: Emission) -> None:
    curves = world.curves(Window(PAST, at(HOURS)), emission)
    bases = dict.fromkeys(NAMES, "BTC")
    rows = slow_factors(curves.to_dicts(), bases, world.seen.to_dicts())
    expected = pl.DataFrame(rows, schema=CURVE_FACTORS.polars_schema)
    assert_frame_equal(world.factors(curves), expected, rel_tol=1e-7, abs_tol=1e-9)


@costly(2)
@given(MARKETS, EMISSIONS, st.integers(100, HOURS - 48))
def test_hour_by_hour_equals_all_at_once(world: Market, emission: Emission, first: int) -> None:
    """After an hour only what that hour can have changed is computed anew."""
    curves = world.known_at(at(first)).curves(Window(PAST, at(first)), emission)
    factors = world.known_at(at(first)).factors(curves)
    for hour in range(first + 1, first + 48):
        now = at(hour)
        known = world.known_at(now)
        changed = now - 10 * HOUR
        recent = Market(
            known.settled.filter(pl.col("funding_time") >= changed - LOOK_BACK),
            known.seen.filter(pl.col("observed_at") >= changed - FACTOR_LOOK_BACK),
        )
        fresh = recent.curves(Window(changed, now), emission)
        curves = pl.concat([curves.filter(pl.col("as_of") < changed), fresh])
        past = curves.filter(pl.col("as_of") >= changed - FACTOR_LOOK_BACK)
        latest = recent.factors(past, changed)
        factors = pl.concat([factors.filter(pl.col("as_of") < changed), latest])
    window = Window(PAST, at(first + 47))
    whole = world.known_at(window.end).curves(window, emission)
    assert curves.sort(CURVE_SNAPSHOTS.key).equals(whole)
    assert factors.sort(CURVE_FACTORS.key).equals(world.known_at(window.end).factors(whole))
