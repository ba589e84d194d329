"""The seed of published fees: whole, in order, and as the venues' recorded answers have it."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.fees import BASE_TIER
from funding_platform.core.time_grid import FIRST_PERPETUAL
from funding_platform.venues.registry import offering, venue_names
from funding_platform_tests.dbt.forked import PROJECT

SEED = pl.read_csv(PROJECT / "seeds" / "fee_schedules.csv", try_parse_dates=True)


def newest(venue: str) -> pl.DataFrame:
    """The last published fees of each tier of a venue."""
    return SEED.filter(venue=venue).sort("effective_from").unique("tier", keep="last")


def test_every_venue_that_settles_funding_has_a_base_tier_for_all_its_history() -> None:
    begun = SEED.filter(tier=BASE_TIER, effective_from=FIRST_PERPETUAL)
    assert sorted(begun["venue"]) == sorted(offering(FUNDING_RATES, venue_names()))
    assert set(SEED["venue"]) == set(begun["venue"])


def test_every_row_says_how_far_to_trust_it() -> None:
    trusted = pl.col("source").str.contains(r"\((high|medium|low) confidence")
    assert SEED.filter(~trusted).is_empty()


@pytest.mark.parametrize("venue", SEED["venue"].unique().sort())
def test_who_trades_more_pays_no_more(venue: str) -> None:
    stated = newest(venue).drop_nulls("min_volume_30d_usd").sort("min_volume_30d_usd")
    for smaller, larger in combinations(stated.rows(named=True), 2):
        if smaller["min_volume_30d_usd"] < larger["min_volume_30d_usd"]:
            assert larger["maker_bps"] <= smaller["maker_bps"], larger
            assert larger["taker_bps"] <= smaller["taker_bps"], larger


def recorded(shared_dir: Path, name: str) -> Any:
    """A recorded answer of a venue."""
    return json.loads((shared_dir / "venues" / "fixtures" / name).read_text(encoding="utf-8"))


def fees_of(document: Any, maker: str, taker: str) -> set[tuple[float, float]]:
    """Every pair of fees in a document, in basis points, from fractions of notional."""
    if isinstance(document, list):
        return set().union(*(fees_of(one, maker, taker) for one in document))
    if not isinstance(document, dict):
        return set()
    inside = set().union(*(fees_of(one, maker, taker) for one in document.values()))
    if not {maker, taker} <= document.keys():
        return inside
    return inside | {
        (round(float(document[maker]) * 1e4, 6), round(float(document[taker]) * 1e4, 6))
    }


@pytest.mark.parametrize(
    ("venue", "answer", "maker", "taker"),
    [
        ("deribit", "get_instruments-BTC-any.json", "maker_commission", "taker_commission"),
        ("drift", "velocity-stats-markets.json", "maker", "taker"),
        ("edgex", "getMetaData.json", "defaultMakerFeeRate", "defaultTakerFeeRate"),
        ("lighter", "orderBooks-may2026.json", "maker_fee", "taker_fee"),
    ],
)
def test_base_tiers_are_those_of_the_recorded_answers(
    shared_dir: Path, venue: str, answer: str, maker: str, taker: str
) -> None:
    (fees,) = newest(venue).filter(tier=BASE_TIER).select("maker_bps", "taker_bps").rows()
    assert fees in fees_of(recorded(shared_dir, f"{venue}/{answer}"), maker, taker)
