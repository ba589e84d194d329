"""What of opportunities fits on a terminal: rates in basis points and percent, reasons in words."""

import polars as pl

from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.core.market.asset_classes import UNSAID
from funding_platform.flows.queries.trading.opportunities import LeftOut


def shown_opportunities(found: pl.DataFrame, wanted: OpportunityFilter) -> pl.DataFrame:
    """Select the essential columns of what ``ranked_opportunities`` found."""
    return found.select(
        _base(),
        pl.format("{} {}", "long_venue", "long_symbol").alias("long"),
        pl.format("{} {}", "short_venue", "short_symbol").alias("short"),
        _basis_points("divergence_8h", "bp/8h"),
        *_net(wanted),
        "tier",
        _against(),
    )


def shown_comparison(
    compared: pl.DataFrame, first: str, second: str, wanted: OpportunityFilter
) -> pl.DataFrame:
    """Select the essential columns of what ``compare_venues`` found."""
    return compared.select(
        _base(),
        pl.col("first_symbol").alias(first),
        pl.col("second_symbol").alias(second),
        _basis_points("first_rate_8h", f"{first} bp/8h"),
        _basis_points("second_rate_8h", f"{second} bp/8h"),
        _basis_points("difference_8h", "difference"),
        pl.col("long_venue").alias("long"),
        _basis_points("settled_7d", "7d settled bp"),
        pl.col("price_gap_bps").round(1).alias("gap bp"),
        *_net(wanted),
        "tier",
        _against(),
    )


def left_out_in_words(left: LeftOut, limit: int) -> str:
    """Say how many rows pass, and of each bound how many it leaves out."""
    shown = min(left.passing, limit)
    lines = [f"{left.passing:,} of {left.rows:,} pairs pass, {shown:,} are shown"]
    for bound, rows in left.by_bound.items():
        unknown = left.unknown[bound]
        of_which = f", of {unknown:,} the value is unknown" if unknown else ""
        lines.append(f"  {bound} leaves out {rows:,}{of_which}")
    return "\n".join(lines)


def _net(wanted: OpportunityFilter) -> list[pl.Expr]:
    """Show cost in the filter's fee mode and what is left over its horizon."""
    cost = "maker_cost_bps" if wanted.fee_mode == "maker" else "cost_bps"
    return [
        pl.col(cost).round(1).alias("cost bp"),
        _basis_points(wanted.net, f"net {wanted.horizon} bp"),
        (pl.col("net_apr") * 100).round(1).alias("net %/y"),
        pl.col("break_even_hours").round(1).alias("even h"),
    ]


def _base() -> pl.Expr:
    """Name the base, and its class where it is no coin."""
    return pl.col("asset").str.strip_suffix(f" {UNSAID}").alias("base")


def _basis_points(column: str, name: str) -> pl.Expr:
    return (pl.col(column) * 1e4).round(2).alias(name)


def _against() -> pl.Expr:
    """Spell the reasons as words, which a narrow cell can wrap."""
    return pl.col("reasons").list.join(", ").str.replace_all("_", " ").alias("against it")
