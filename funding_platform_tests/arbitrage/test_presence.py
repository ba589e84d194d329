"""What cannot be answered is explained: names that nothing has, marts that are not there."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from funding_platform.arbitrage import OpportunityFilter, find_opportunities
from funding_platform.arbitrage.errors import NoOpportunitiesError, UnknownChoiceError
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES, OPPORTUNITIES_BEST
from funding_platform.flows.queries import left_out, ranked_opportunities
from funding_platform.lake.connection import connect
from funding_platform.settings import Settings
from funding_platform_tests.arbitrage.market import add_fees, build_lake, facts

ANY_QUESTION = (
    OpportunityFilter(),
    OpportunityFilter(bases=("BTC",)),
    OpportunityFilter(min_persistence=0.5),
    OpportunityFilter(fee_mode="maker"),
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"bases": ["btc"]}, "bases: marts.opportunities does not know 'btc'; did you mean BTC?"),
        ({"bases": ["BTC", "XRP"]}, "does not know 'XRP'"),
        ({"symbols": ["BTC-OKEX"]}, "symbols: marts.opportunities does not know 'BTC-OKEX'"),
        ({"venues": ["okx", "binnance"]}, "venues: marts.opportunities does not know 'binnance'"),
        ({"long_venues": ["bybitt"]}, "'bybitt'; did you mean bybit?"),
        ({"short_venues": ["nowhere"]}, "short_venues: marts.opportunities does not know"),
        ({"exclude_venues": ["mtgox", "Okx"]}, "'mtgox', nor 'Okx'; did you mean okx?"),
        ({"fee_tiers": {"binance": "vip_11"}}, "has no tier 'vip_11'; did you mean vip_1?"),
        ({"fee_tiers": {"binanse": "base"}}, "no fees of 'binanse' are known; did you mean bin"),
        ({"fee_tiers": {"okx": "base"}}, "fee_tiers: no fees of 'okx' are known"),
    ],
)
def test_an_unknown_name_is_refused_and_others_are_offered(
    lake: duckdb.DuckDBPyConnection, fields: dict[str, Any], words: str
) -> None:
    for read in (ranked_opportunities, left_out):
        with pytest.raises(UnknownChoiceError) as refused:
            read(lake, OpportunityFilter(**fields))
        assert words in refused.value.message
        assert refused.value.hint


def test_names_are_values_and_never_sql(lake: duckdb.DuckDBPyConnection) -> None:
    for field in ("bases", "symbols", "venues", "exclude_venues"):
        with pytest.raises(UnknownChoiceError):
            find_opportunities(OpportunityFilter(**{field: ["x') OR true --", "y"]}), lake)
    tiers = {"binance": "base' OR true --"}
    with pytest.raises(UnknownChoiceError):
        find_opportunities(OpportunityFilter(fee_tiers=tiers), lake)


def test_a_venue_without_a_market_today_is_no_mistake(lake: duckdb.DuckDBPyConnection) -> None:
    everything = find_opportunities(OpportunityFilter(), lake)
    without = find_opportunities(OpportunityFilter(exclude_venues=("drift",)), lake)
    assert without.equals(everything)
    assert find_opportunities(OpportunityFilter(long_venues=("drift",)), lake).is_empty()


def test_marts_that_were_never_built_are_missed(settings: Settings) -> None:
    connect(settings, read_only=False).close()
    with connect(settings) as lake:
        for wanted in ANY_QUESTION:
            with pytest.raises(NoOpportunitiesError) as missed:
                find_opportunities(wanted, lake)
            assert missed.value.message == (
                "there is no table marts.opportunities: the marts have not been built yet"
            )
            assert "run `funding transform`" in str(missed.value.hint)


def test_marts_of_an_older_form_say_what_they_lack(settings: Settings) -> None:
    build_lake(settings, (OPPORTUNITIES, [facts("BTC", "okx", "bybit")]))
    with connect(settings, read_only=False) as lake:
        lake.execute("ALTER TABLE marts.opportunities DROP COLUMN same_sign_share")
        for wanted in ANY_QUESTION:
            with pytest.raises(NoOpportunitiesError, match=r"older .* lacks same_sign_share"):
                find_opportunities(wanted, lake)


def test_marts_without_a_row_are_no_empty_answer(settings: Settings) -> None:
    build_lake(settings, (OPPORTUNITIES, []))
    with connect(settings) as lake:
        for wanted in ANY_QUESTION:
            for read in (ranked_opportunities, left_out):
                with pytest.raises(NoOpportunitiesError, match="has no rows"):
                    read(lake, wanted)


def test_other_costs_need_the_fees(settings: Settings) -> None:
    build_lake(settings, (OPPORTUNITIES, [facts("BTC", "okx", "bybit")]))
    with connect(settings, read_only=False) as lake:
        lake.execute("DROP TABLE marts.fee_history")
        assert find_opportunities(OpportunityFilter(), lake).height == 1
        with pytest.raises(UnknownChoiceError, match="does not know 'binance'"):
            find_opportunities(OpportunityFilter(exclude_venues=("binance",)), lake)
        with pytest.raises(NoOpportunitiesError, match=r"no table marts\.fee_history"):
            find_opportunities(OpportunityFilter(fee_mode="maker"), lake)


def test_a_published_file_answers_as_the_lake_does(lake: duckdb.DuckDBPyConnection) -> None:
    wanted = OpportunityFilter(fee_mode="maker", bases=("ETH",), horizon="1d")
    with duckdb.connect() as file:
        file.execute("SET TimeZone = 'UTC'; CREATE SCHEMA marts")
        file.register("rows", lake.execute("FROM marts.opportunities").pl().to_arrow())
        file.execute("CREATE TABLE marts.opportunities AS FROM rows")
        add_fees(file)
        assert find_opportunities(wanted, file).equals(find_opportunities(wanted, lake))


def test_the_best_of_each_base_are_read_by_the_same_filter(settings: Settings) -> None:
    best = [facts("BTC", "binance", "bybit"), facts("ETH", "lighter", "bybit", short_rate_8h=1e-3)]
    build_lake(settings, (OPPORTUNITIES_BEST, best))
    with connect(settings) as lake:
        found = find_opportunities(OpportunityFilter(), lake, table=OPPORTUNITIES_BEST)
        assert found["base"].to_list() == ["BTC", "ETH"]
        with pytest.raises(UnknownChoiceError, match=r"marts\.opportunities_best does not know"):
            find_opportunities(OpportunityFilter(bases=("SOL",)), lake, table=OPPORTUNITIES_BEST)
