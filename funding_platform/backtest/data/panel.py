"""The data of a run as columns of numbers, instrument after instrument in the order of time.

Series of all instruments lie end to end: those of instrument ``i`` are rows ``first[i]`` to
``first[i + 1]``. That is what a compiled kernel walks fastest, and it needs no global sort. Prices
are per canonical base everywhere, so that legs on different multipliers compare.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from funding_platform.backtest.data.coins import NO_COIN, Coins, build_coins
from funding_platform.backtest.data.reference import Reference, build_reference
from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.market.asset_classes import asset_key
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.schema import UTC_TIME

PRICE_KINDS: Final = ("mark", "index", "close")
"""What a price is, by its number in ``Prices.kind``, the best first."""


class Settlements(NamedTuple):
    """Settled funding. ``known_us`` is ``available_at``: no decision sees a row before it."""

    first: Ints
    time_us: Ints
    known_us: Ints
    rate: Floats
    interval_hours: Floats
    price: Floats
    """Mark at the settlement; NaN where the source has none."""


class Prices(NamedTuple):
    """Prices as they became known."""

    first: Ints
    time_us: Ints
    price: Floats
    kind: NDArray[np.int8]
    low: Floats
    """Lowest price of the bar that ends at a price; NaN without one, no rows where none has."""
    high: Floats


class Volumes(NamedTuple):
    """Turnover of the last 24 hours, as it became known."""

    first: Ints
    time_us: Ints
    volume_usd: Floats


class Predictions(NamedTuple):
    """Rates that venues predicted, as they were shown."""

    first: Ints
    time_us: Ints
    rate: Floats


class Facts(NamedTuple):
    """What does not change: one value per instrument."""

    venue: Ints
    base: Ints
    inverse: Flags
    spot: Flags
    step: Floats
    """Order step in what a leg's size is in (``books.LEG``); 0 where unknown."""


class Panel(NamedTuple):
    """Everything that a kernel reads."""

    facts: Facts
    settlements: Settlements
    prices: Prices
    volumes: Volumes
    reference: Reference
    coins: Coins


def build_panel(
    instruments: pl.DataFrame,
    funding: pl.DataFrame,
    prices: pl.DataFrame,
    volumes: pl.DataFrame,
    coins: pl.DataFrame,
) -> Panel:
    """Make columns of numbers from sound frames in the order of instrument and time.

    Parameters
    ----------
    instruments
        One row per instrument, sorted by ``INSTRUMENT_KEY``: ``contract_type``, ``base``,
        ``asset_class``, ``settle``, ``multiplier``, ``order_unit``, ``min_size``.
    funding
        ``instrument`` (row number), ``funding_time``, ``known_at``, ``funding_rate``,
        ``interval_hours``, ``mark_price``.
    prices
        ``instrument``, ``time``, ``price``, ``kind``; ``low`` and ``high`` where there are bars.
    volumes
        ``instrument``, ``time``, ``volume_24h_usd``.
    coins
        ``coin``, ``time``, ``price``, in that order.
    """
    count = instruments.height
    multiplier = instruments["multiplier"].to_numpy()
    of_funding, of_prices = funding["instrument"].to_numpy(), prices["instrument"].to_numpy()
    settled = _microseconds(funding["funding_time"])
    at_once = funding.select((pl.col("known_at") == pl.col("funding_time")).all()).item()
    facts = _facts(instruments)
    points = Prices(
        first=first_rows(of_prices, count),
        time_us=_microseconds(prices["time"]),
        price=_per_base(prices["price"], multiplier, of_prices),
        kind=prices["kind"].to_numpy(),
        low=_extremes(prices, "low", multiplier, of_prices),
        high=_extremes(prices, "high", multiplier, of_prices),
    )
    panel = Panel(
        facts=facts,
        settlements=Settlements(
            first=first_rows(of_funding, count),
            time_us=settled,
            known_us=settled if at_once else _microseconds(funding["known_at"]),
            rate=floats(funding["funding_rate"]),
            interval_hours=floats(funding["interval_hours"]),
            price=_per_base(funding["mark_price"], multiplier, of_funding),
        ),
        prices=points,
        volumes=Volumes(
            first=first_rows(volumes["instrument"].to_numpy(), count),
            time_us=_microseconds(volumes["time"]),
            volume_usd=floats(volumes["volume_24h_usd"]),
        ),
        reference=build_reference(facts.base, points.first, points.time_us, points.price),
        coins=build_coins(instruments, coins),
    )
    return sealed(panel)


def build_predictions(predictions: pl.DataFrame, count: int) -> Predictions:
    """Predicted rates of so many instruments: ``instrument``, ``time``, ``predicted_rate``.

    Apart from the panel, for no kernel reads them, and all that a panel has is handed to each call.
    """
    return Predictions(
        first=first_rows(predictions["instrument"].to_numpy(), count),
        time_us=_microseconds(predictions["time"]),
        rate=floats(predictions["predicted_rate"]),
    )


def sealed(panel: Panel) -> Panel:
    """Return the panel, none of whose columns can be written to.

    Some can be and some cannot, by where their memory is from: compiled code takes each mixture for
    types of its own, and would be compiled once more.
    """
    for part in panel:
        for column in part:
            column.setflags(write=False)
    return panel


def fingerprint(
    panel: Panel,
    predictions: Predictions,
    instruments: pl.DataFrame,
    more: tuple[pl.DataFrame, ...],
) -> str:
    """Compute the SHA-256 over every number that a run can read, in hexadecimal.

    It is that of the digests of the columns, which are worked out side by side.
    """
    texts = (frame.write_csv().encode() for frame in (instruments.select(INSTRUMENT_KEY), *more))
    # The reference follows from them; what no instrument pays in is not read.
    quanto = (panel.coins.of != NO_COIN).any()
    given = (*panel[:4], predictions, *((panel.coins,) if quanto else ()))
    columns = (np.ascontiguousarray(column).data for part in given for column in part)
    with ThreadPoolExecutor() as pool:
        digests = pool.map(_digest, [*texts, *columns])
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _digest(data: bytes | memoryview) -> bytes:
    return hashlib.sha256(data).digest()


def _facts(instruments: pl.DataFrame) -> Facts:
    kind = instruments["contract_type"]
    assets = instruments.select(asset_key().alias("asset"))["asset"]
    lot = pl.col("min_size") * pl.col("order_unit").fill_null(1.0)
    step = (
        pl.when(pl.col("contract_type") == "inverse")
        .then(lot)
        .otherwise(lot * pl.col("multiplier"))
    )
    return Facts(
        venue=_codes(instruments["venue"], venue_order(instruments)),
        base=_codes(assets, assets.unique().sort()),
        inverse=(kind == "inverse").to_numpy(),
        spot=(kind == "spot").to_numpy(),
        step=floats(instruments.select(step.fill_null(0.0).alias("step"))["step"]),
    )


def venue_order(instruments: pl.DataFrame) -> pl.Series:
    """List the venues by their numbers, which are in the order of the alphabet."""
    return instruments["venue"].unique().sort()


def _codes(names: pl.Series, ordered: pl.Series) -> Ints:
    """Give names numbers: where each stands in the order."""
    return names.replace_strict(ordered, range(len(ordered)), return_dtype=pl.Int64).to_numpy()


def first_rows(owners: NDArray[np.uint32], count: int) -> Ints:
    """Find where the rows of each instrument begin, with the end of the last."""
    return np.searchsorted(owners, np.arange(count + 1, dtype=owners.dtype)).astype(np.int64)


def _microseconds(times: pl.Series) -> Ints:
    return times.cast(UTC_TIME).cast(pl.Int64).to_numpy()


def _per_base(prices: pl.Series, multiplier: Floats, owners: NDArray[np.uint32]) -> Floats:
    """Turn prices of the venue's base into prices of the canonical one."""
    values = floats(prices)
    return values if (multiplier == 1.0).all() else values / multiplier[owners]


def _extremes(
    prices: pl.DataFrame, name: str, multiplier: Floats, owners: NDArray[np.uint32]
) -> Floats:
    """Read a side of the bars; empty where there are no bars, which would be as many NaNs."""
    if name not in prices.columns or prices[name].null_count() == prices.height:
        return np.empty(0)
    return _per_base(prices[name], multiplier, owners)


def floats(values: pl.Series) -> Floats:
    """Read values as floats, null as NaN: a kernel has no other absence."""
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
