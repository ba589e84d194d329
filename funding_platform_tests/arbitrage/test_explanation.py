"""An opportunity in words."""

from funding_platform.arbitrage.explanation import explain
from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.core.tables.marts.reasons import REASONS
from funding_platform_tests.arbitrage.market import facts, opportunity, some_facts


def test_costs_are_broken_down() -> None:
    text = explain(opportunity(facts("BTC", "binance", "bybit")))
    assert text.startswith("BTC: long binance BTC-BINANCE, short bybit BTC-BYBIT: actionable\n")
    # Fees 2 (5 + 5.5); spreads 1 + 2; impact 2 x 10,000 / (2 x 1e-3 x volume) of 5e7 and 2e7.
    assert (
        "24.70 bp: four fees 21.00 (long taker 5.00 at tier base, short taker 5.50 at tier base), "
        "spreads 3.00, impact of 10,000 USD 0.70 (long model, short model)" in text
    )
    # 0.2 % per 8 h for 168 h is 4.2 %; less 24.7 bp.
    assert "7d 3.9530 %" in text
    assert "7d at half the funding 1.8530 %" in text
    assert text.endswith("nothing is against it")


def test_of_makers_only_the_fees_are_costs() -> None:
    wanted = OpportunityFilter(fee_mode="maker")
    text = explain(opportunity(facts("BTC", "binance", "bybit"), wanted), "maker")
    assert "8.00 bp: four fees 8.00 (long maker 2.00 at tier base" in text
    assert "no spread and no impact; resting orders may not be filled" in text


def test_what_is_unknown_is_said_to_be() -> None:
    row = opportunity(facts("BTC", "okx", "bybit", long_volume_24h_usd=None, settled_7d=None))
    text = explain(row)
    assert "unknown: four fees unknown (long taker unknown at tier unknown" in text
    assert "a day's volume unknown" in text
    assert "past        unknown in 7 days" in text
    assert "None" not in text


def test_every_reason_is_put_into_words() -> None:
    row = opportunity(facts("BTC", "okx", "bybit", market_reasons=tuple(REASONS)))
    *_, head = explain(row).partition("against it:\n")
    assert head.splitlines() == [
        f"  - {REASONS[code].meaning} ({code})" for code in sorted(REASONS)
    ]


def test_whatever_is_known_or_not_can_be_explained() -> None:
    for row in map(opportunity, some_facts()):
        text = explain(row)
        assert str(row["tier"]) in text.splitlines()[0]
        assert not {"None", "nan"} & {*text.replace(";", " ").replace(",", " ").split()}
