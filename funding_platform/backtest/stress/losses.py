"""What a stress scenario would have cost a run, at its worst moment.

All shocks come at one instant, to whatever was open then; everything is closed at the shocked
prices. What legs had earned before is not touched.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.backtest.sections import Margin
from funding_platform.backtest.stress.scenarios import LARGEST, Scenario
from funding_platform.core.arrays import Floats
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.schema import UTC_TIME

_PARTS: Final = ("price_usd", "quote_usd", "liquidation_usd", "deleveraging_usd")

SCHEMA: Final[dict[str, Any]] = {
    "scenario": pl.String,
    "title": pl.String,
    "at": UTC_TIME,
    "positions": pl.Int64,
    "legs_liquidated": pl.Int64,
    **dict.fromkeys(_PARTS, pl.Float64),
    "failure_usd": pl.Float64,
    "failed_venue": pl.String,
    "total_usd": pl.Float64,
    "share_of_equity": pl.Float64,
    "quotes_unknown": pl.Int64,
}
"""Columns of ``stressed``."""


def stressed(
    result: BacktestResult, scenarios: Sequence[Scenario], instruments: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Compute what each scenario would have cost at the moment at which it would cost most.

    With ``N`` the notional of a leg at entry, ``s`` its sign, ``C = N / leverage`` its collateral
    (``N`` for spot), ``m`` the move and ``q`` what a dollar of its quote currency is worth then:

    * price ``s N m``, and ``C m`` more where it is margined in the coin; of a quanto leg, whose
      coin moves by ``k``, ``s N m (1 + k) + C k``;
    * quote ``(q - 1) C + s N (1 - q)``: collateral loses, and the coin rises in that currency;
    * liquidation: the penalty on what the notional is then, ``N (1 + m)`` unless coin-margined,
      where less than the maintenance of its tier is left of a leg, each by itself;
    * deleveraging: what winning legs forgo of the rest of the move;
    * failure: the share lost of what would lie on the venue after all that.

    Parameters
    ----------
    result
        A run.
    scenarios
        Each gives one row, in their order.
    instruments
        ``venue``, ``venue_symbol``, ``quote``, ``contract_type`` and ``settle``, where known. A leg
        that is not among them counts as linear, and keeps its quote's value.

    Returns
    -------
    polars.DataFrame
        Columns of ``SCHEMA``; amounts are signed, losses negative. ``failed_venue`` is null where
        nothing fails, ``quotes_unknown`` counts legs. Without trades nothing is open at ``at``.
    """
    legs = _legs(result, instruments)
    moments = _Moments(result, legs)
    rows = [_worst(scenario, result.config, legs, moments) for scenario in scenarios]
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row", strict=False)
    worth = result.equity.select(pl.col("time").alias("at"), "equity").sort("at")
    return (
        frame.with_row_index("order")
        .sort("at")
        .join_asof(worth, on="at", strategy="backward")
        .with_columns(
            share_of_equity=pl.when(pl.col("equity") > 0).then(
                pl.col("total_usd") / pl.col("equity")
            )
        )
        .sort("order")
        .select(SCHEMA.keys())
    )


def _legs(result: BacktestResult, instruments: pl.DataFrame | None) -> pl.DataFrame:
    """Trades with sign, and what is known of their contracts; null where nothing is."""
    kinds = {"quote": pl.String, "contract_type": pl.String, "settle": pl.String}
    trades = result.trades.drop(kinds.keys(), strict=False)
    if instruments is None:
        known = trades.with_columns(pl.lit(None, kind).alias(name) for name, kind in kinds.items())
    else:
        listed = instruments.select(*INSTRUMENT_KEY, *kinds).unique(INSTRUMENT_KEY, keep="last")
        known = trades.join(listed, on=INSTRUMENT_KEY, how="left", maintain_order="left")
    return known.with_columns(sign=pl.when(pl.col("side") == "long").then(1.0).otherwise(-1.0))


class _Moments:
    """When the open legs changed, and sums over those that were open from then on."""

    def __init__(self, result: BacktestResult, legs: pl.DataFrame) -> None:
        start = result.equity["time"].min()
        opened = legs["opened_at"].cast(pl.Int64).to_numpy()
        closed = legs["closed_at"].cast(pl.Int64).fill_null(np.iinfo(np.int64).max).to_numpy()
        times = np.concatenate([opened, closed])
        self.times, place = np.unique(times, return_inverse=True)
        self._opened, self._closed = place[: len(opened)], place[len(opened) :]
        if not len(self.times):
            self.times = np.array([pl.Series([start], dtype=UTC_TIME).cast(pl.Int64).item()])
        self.venues = sorted(legs["venue"].unique().to_list())
        self._venue = np.searchsorted(np.array(self.venues, dtype=str), legs["venue"].to_numpy())

    def open_sum(self, values: Floats) -> Floats:
        """Sum over open legs, from each moment on; shape (moments,)."""
        changes = np.zeros(len(self.times))
        np.add.at(changes, self._opened, values)
        np.add.at(changes, self._closed, -values)
        return np.asarray(np.cumsum(changes))

    def by_venue(self, values: Floats) -> Floats:
        """Compute the same for the legs of each venue, shape (venues, moments)."""
        sums = [
            self.open_sum(np.where(self._venue == number, values, 0.0))
            for number in range(len(self.venues))
        ]
        return np.array(sums).reshape(len(self.venues), len(self.times))


def _worst(
    scenario: Scenario, config: BacktestConfig, legs: pl.DataFrame, moments: _Moments
) -> dict[str, Any]:
    """Make the row of one scenario, without its share of the equity."""
    parts, left, liquidated = _shocked(scenario, config.margin, legs)
    sums = {name: moments.open_sum(values) for name, values in parts.items()}
    failures, venues = _failures(scenario, moments, left)
    total = np.sum([*sums.values(), failures], axis=0)
    at = int(total.argmin())
    count = moments.open_sum(1.0 / np.maximum(_legs_of_position(legs), 1))
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "at": pl.Series([moments.times[at]], dtype=pl.Int64).cast(UTC_TIME).item(),
        "positions": round(count[at]),
        "legs_liquidated": round(moments.open_sum(liquidated.astype(np.float64))[at]),
        **{name: _amount(values[at]) for name, values in sums.items()},
        "failure_usd": _amount(failures[at]),
        "failed_venue": None if scenario.failure is None or not failures[at] else venues[at],
        "total_usd": _amount(total[at]),
        "quotes_unknown": round(moments.open_sum(legs["quote"].is_null().to_numpy() * 1.0)[at]),
    }


def _shocked(
    scenario: Scenario, margin: Margin, legs: pl.DataFrame
) -> tuple[dict[str, Floats], Floats, Floats]:
    """Of each leg the parts of its loss, what is left of it, and whether it is liquidated."""
    notional, sign = (legs[name].to_numpy() for name in ("notional_usd", "sign"))
    kind = legs["contract_type"].fill_null("linear")
    spot, inverse, quanto = ((kind == name).to_numpy() for name in ("spot", "inverse", "quanto"))
    move = _moves(scenario, legs["base"], legs["venue"])
    coin = np.where(quanto, _moves(scenario, legs["settle"], legs["venue"]), 0.0)
    worth = np.array([scenario.quotes.get(quote or "", 1.0) for quote in legs["quote"]])
    owned = spot & (sign > 0)
    stake = np.where(spot, notional, notional / margin.leverage)
    gain = sign * notional * move
    price = gain * (1.0 + coin) + stake * np.where(inverse, move, coin)
    # Coins that are owned, or posted, are no money in the stablecoin.
    in_coin = owned | inverse | quanto
    money = np.where(in_coin, 0.0, stake)
    carried = np.where(in_coin, 0.0, sign * notional)
    quote = (worth - 1.0) * money + (1.0 - worth) * carried
    left = stake + price + quote
    after = notional * np.where(inverse, 1.0, (1.0 + move) * (1.0 + coin))
    liquidated = ~owned & (left < _required(margin, legs["venue"], after))
    penalty = np.where(liquidated, margin.liquidation_penalty_rate * after, 0.0)
    forgone = np.zeros(len(notional))
    if (cut := scenario.deleveraging) is not None:
        forgone = cut.share * (1.0 - cut.after) * np.where(spot, 0.0, np.maximum(gain, 0.0))
    amounts = (price, quote, -penalty, -forgone)
    return (
        dict(zip(_PARTS, amounts, strict=True)),
        np.maximum(left - penalty - forgone, 0.0),
        liquidated,
    )


def _moves(scenario: Scenario, bases: pl.Series, venues: pl.Series) -> Floats:
    """How far each price moves; 0 where nobody knows of what it is."""
    pairs = zip(bases, venues, strict=True)
    return np.array([0.0 if base is None else scenario.move(base, venue) for base, venue in pairs])


def _required(margin: Margin, venues: pl.Series, notional: Floats) -> Floats:
    """Compute what each venue requires of a notional, by its tiers."""
    required = np.zeros(len(notional))
    for venue in venues.unique():
        here = (venues == venue).to_numpy()
        least, rate, amount = np.array(margin.tier_rows(venue)).T
        tier = np.searchsorted(least, notional[here], side="right") - 1
        required[here] = rate[tier] * notional[here] - amount[tier]
    return required


def _failures(
    scenario: Scenario, moments: _Moments, left: Floats
) -> tuple[Floats, Sequence[str | None]]:
    """Find what is lost with a venue at each moment, negative, and with which."""
    count = len(moments.times)
    if (failure := scenario.failure) is None or not moments.venues:
        return np.zeros(count), [None] * count
    lying = moments.by_venue(left)
    if failure.venue == LARGEST:
        largest = lying.argmax(axis=0)
        names = [moments.venues[number] for number in largest]
        return -failure.lost * lying.max(axis=0), names
    if failure.venue not in moments.venues:
        return np.zeros(count), [failure.venue] * count
    return -failure.lost * lying[moments.venues.index(failure.venue)], [failure.venue] * count


def _legs_of_position(legs: pl.DataFrame) -> Floats:
    return legs.select(pl.len().over("position_id").cast(pl.Float64)).to_series().to_numpy()


def _amount(value: float) -> float:
    """Without the rounding that sums of what was opened and closed leave, and without -0."""
    return round(float(value), 6) + 0.0
