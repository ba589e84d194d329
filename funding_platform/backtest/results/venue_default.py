"""What would have been lost if a venue had failed: what lay there, at its highest."""

import polars as pl

from funding_platform.core.tables.columns import INSTRUMENT_KEY


def venue_at_risk(
    trades: pl.DataFrame,
    ledger: pl.DataFrame,
    equity: pl.DataFrame,
    leverage: float,
    instruments: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Find the largest share of equity that lay on each venue, and so was lost with it.

    What lies with a venue for a leg is ``max(0, C + F + s N (p / e - 1))``: its collateral ``C``,
    ``N / leverage`` or all of ``N`` for spot, the funding received there ``F``, and what the price
    has brought since entry. It is taken at the leg's own fills and settlements. Collateral that was
    moved to the other leg since is counted where it was posted.

    Parameters
    ----------
    trades, ledger, equity
        Of one run.
    leverage
        Of its margin.
    instruments
        ``venue``, ``venue_symbol`` and ``contract_type``, where known; what is not among them is
        no spot.

    Returns
    -------
    polars.DataFrame
        ``venue``, ``at``, ``at_risk_usd`` and ``share`` of the equity then, the largest first.
        Empty where nothing was held.
    """
    legs = _with_stakes(trades, leverage, instruments).select(
        "trade_id", "venue", "side", "notional_usd", "entry_price", "stake"
    )
    sign = pl.when(pl.col("side") == "long").then(1.0).otherwise(-1.0)
    gain = sign * pl.col("notional_usd") * (pl.col("price") / pl.col("entry_price") - 1.0)
    value = pl.max_horizontal(pl.lit(0.0), pl.col("stake") + pl.col("received") + gain)
    gone = pl.col("kind").is_in(["close", "liquidation"])
    held = (
        ledger.sort("seq")
        .with_columns(received=pl.col("funding_usd").cum_sum().over("trade_id"))
        .join(legs, on="trade_id", how="inner", maintain_order="left")
        .with_columns(value=pl.when(gone).then(0.0).otherwise(value))
        .with_columns(
            change=pl.col("value") - pl.col("value").shift(1, fill_value=0.0).over("trade_id")
        )
        .with_columns(at_risk_usd=pl.col("change").cum_sum().over("venue"))
        .group_by("venue", pl.col("time").alias("at"), maintain_order=True)
        .agg(pl.col("at_risk_usd").last())
    )
    worth = equity.select(pl.col("time").alias("at"), "equity").sort("at")
    return (
        held.sort("at")
        .join_asof(worth, on="at", strategy="backward")
        .with_columns(
            share=pl.when(pl.col("equity") > 0).then(pl.col("at_risk_usd") / pl.col("equity"))
        )
        .sort("share", "at", descending=[True, False], nulls_last=True)
        .group_by("venue", maintain_order=True)
        .agg(pl.col("at", "at_risk_usd", "share").first())
    )


def _with_stakes(
    trades: pl.DataFrame, leverage: float, instruments: pl.DataFrame | None
) -> pl.DataFrame:
    """Add what is posted for each leg when it is opened."""
    notional = pl.col("notional_usd")
    if instruments is None:
        return trades.with_columns(stake=notional / leverage)
    spot = instruments.filter(contract_type="spot").select(INSTRUMENT_KEY).unique()
    known = trades.join(
        spot.with_columns(spot=True), on=INSTRUMENT_KEY, how="left", maintain_order="left"
    )
    return known.with_columns(stake=pl.when("spot").then(notional).otherwise(notional / leverage))
