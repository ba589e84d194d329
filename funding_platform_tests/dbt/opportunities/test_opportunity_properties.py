"""What must hold of opportunities in any market, asked of the SQL that dbt ran."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from funding_platform.core.tables.marts.opportunities import HORIZONS, OPPORTUNITIES
from funding_platform.core.tables.marts.reasons import TIERS
from funding_platform.lake import connect
from funding_platform.settings import Settings
from funding_platform_tests.dbt.opportunities.pairs_market import BASES, INTERVALS
from funding_platform_tests.dbt.runner import artefacts_of

MODELS = (
    "intermediate.int_current_funding_rates",
    "intermediate.int_opportunity_legs",
    "intermediate.int_opportunity_pairs",
    "intermediate.int_opportunity_funding",
    "intermediate.int_opportunity_costs",
    "intermediate.int_hourly_funding",
    "intermediate.int_settled_funding",
    "intermediate.int_opportunity_past",
    "intermediate.int_opportunities",
    "marts.opportunity_history",
    "marts.opportunities",
)
"""In the order in which they are built."""

GIVEN = (
    "marts.latest_funding_rates",
    "staging.stg_funding_rates",
    "staging.stg_order_book_depth",
    "intermediate.int_current_listings",
    "intermediate.int_statistics_periods",
    "intermediate.int_base_fees",
)
"""What they are built from."""

KEY = list(OPPORTUNITIES.key)
TURNED = ["base", "short_venue", "short_symbol", "long_venue", "long_symbol"]

few = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

rates = st.lists(
    st.sampled_from([-3e-4, 0.0, 1e-4, 1e-4, 7e-4, None]),
    min_size=len(INTERVALS) * len(BASES),
    max_size=len(INTERVALS) * len(BASES),
)
"""A rate per 8 hours for each instrument; equal ones and unknown ones are common."""


class Market:
    """The models of dbt over tables that may be changed."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, compiled: Path) -> None:
        self.connection = connection
        self.sql = {
            model: next(compiled.rglob(f"{model.partition('.')[2]}.sql")).read_text("utf-8")
            for model in MODELS
        }

    def opportunities(self) -> pl.DataFrame:
        for model, sql in self.sql.items():
            self.connection.execute(f"CREATE OR REPLACE TABLE {model} AS {sql}")
        return self.connection.sql("FROM marts.opportunities").pl()

    def changed(self, table: str, columns: str) -> None:
        """Replace columns of a table that is given."""
        self.connection.execute(
            f"CREATE OR REPLACE TABLE {table} AS SELECT * REPLACE ({columns}) FROM given.{table}"
        )

    def with_rates(self, drawn: list[float | None]) -> None:
        """Give the instruments other predicted rates, each on its own interval."""
        listed = ", ".join("NULL" if rate is None else f"{rate!r}::DOUBLE" for rate in drawn)
        by_number = f"([{listed}])[1 + (row_number() OVER (ORDER BY venue, base)) % {len(drawn)}]"
        self.changed(
            "marts.latest_funding_rates",
            f"{by_number} AS predicted_rate_8h, "
            f"{by_number} / 8 * predicted_interval_hours AS predicted_rate",
        )


@pytest.fixture
def market(market: Settings) -> Iterator[Market]:
    with connect(market) as lake, duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; ATTACH ':memory:' AS lake; USE lake")
        connection.execute("CREATE SCHEMA staging; CREATE SCHEMA intermediate; CREATE SCHEMA marts")
        connection.execute("ATTACH ':memory:' AS given")
        for name in GIVEN:
            frame = lake.sql(f"FROM {name}").pl()  # noqa: F841
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS given.{name.partition('.')[0]}")
            connection.execute(f"CREATE TABLE given.{name} AS FROM frame")
            connection.execute(f"CREATE TABLE {name} AS FROM given.{name}")
        yield Market(connection, artefacts_of(market) / "target" / "compiled")


@few
@given(rates)
@pytest.mark.world
def test_negated_rates_turn_every_pair_round(market: Market, drawn: list[float | None]) -> None:
    market.with_rates(drawn)
    market.changed("staging.stg_funding_rates", "funding_rate AS funding_rate")
    pairs = market.opportunities()
    market.with_rates([None if rate is None else -rate for rate in drawn])
    market.changed("staging.stg_funding_rates", "-funding_rate AS funding_rate")
    turned = market.opportunities()
    both = pairs.filter(pl.col("divergence_8h") > 0).join(
        turned, left_on=KEY, right_on=TURNED, how="left", suffix="_turned"
    )
    same = ["divergence_8h", "cost_bps", "settled_7d", "same_sign_share", "half_life_hours"]
    for name in (*same, *(f"{part}_{h}" for part in ("funding", "net") for h in HORIZONS)):
        assert_frame_equal(
            both.select(name), both.select(pl.col(f"{name}_turned").alias(name)), abs_tol=1e-12
        )
    gap, back = (1 + both[name] / 1e4 for name in ("price_gap_bps", "price_gap_bps_turned"))
    assert (gap * back).drop_nulls().is_between(1 - 1e-9, 1 + 1e-9).all()
    unturned = pairs.filter(pl.col("divergence_8h").is_null() | (pl.col("divergence_8h") == 0))
    assert unturned.join(turned, on=KEY, how="anti").is_empty()


@few
@given(rates, st.sampled_from(sorted(INTERVALS)))
@pytest.mark.world
def test_another_venue_removes_no_pair(
    market: Market, drawn: list[float | None], venue: str
) -> None:
    market.with_rates(drawn)
    market.changed("staging.stg_funding_rates", "funding_rate AS funding_rate")
    everything = market.opportunities()
    market.connection.execute(f"DELETE FROM marts.latest_funding_rates WHERE venue = '{venue}'")
    without = market.opportunities()
    assert without.join(everything, on=KEY, how="anti").is_empty()
    theirs = (pl.col("long_venue") == venue) | (pl.col("short_venue") == venue)
    assert everything.filter(~theirs).height == without.height


@few
@given(rates, st.sampled_from([*sorted(INTERVALS), None]))
@pytest.mark.world
def test_doubled_fees_improve_no_rank(
    market: Market, drawn: list[float | None], venue: str | None
) -> None:
    """Fees of one venue, or of all: no tier and no net rises, and no pair that pays them passes one
    that does not."""
    market.with_rates(drawn)
    market.changed("intermediate.int_base_fees", "taker_bps AS taker_bps")
    before = market.opportunities()
    whose = "true" if venue is None else f"venue = '{venue}'"
    market.changed(
        "intermediate.int_base_fees",
        f"taker_bps * CASE WHEN {whose} THEN 2 ELSE 1 END AS taker_bps",
    )
    after = market.opportunities()
    both = before.join(after, on=KEY, suffix="_after")
    assert both.height == before.height == after.height
    assert (badness(both["tier_after"]) >= badness(both["tier"])).all()
    assert ((both["net_7d_after"] <= both["net_7d"]).fill_null(True)).all()
    if venue is not None:
        ahead, still = passed_by(before, venue), passed_by(after, venue)
        assert ahead.join(still, on=PAIRS, how="anti").is_empty()


PAIRS = [*KEY, *(f"{column}_other" for column in KEY)]


def badness(tiers: pl.Series) -> pl.Series:
    """How bad each tier is."""
    return tiers.replace_strict({tier: number for number, tier in enumerate(TIERS)})


def passed_by(pairs: pl.DataFrame, venue: str) -> pl.DataFrame:
    """For each pair on the venue those elsewhere that are ahead of it, by tier and then by net."""
    rows = pairs.select(
        *KEY,
        pl.col("net_7d").fill_null(-1e9).alias("net"),
        badness(pairs["tier"]).alias("bad"),
        pays=(pl.col("long_venue") == venue) | (pl.col("short_venue") == venue),
    )
    against = rows.filter("pays").join(rows.filter(~pl.col("pays")), how="cross", suffix="_other")
    worse, level = pl.col("bad_other") < pl.col("bad"), pl.col("bad_other") == pl.col("bad")
    return against.filter(worse | (level & (pl.col("net_other") > pl.col("net"))))
