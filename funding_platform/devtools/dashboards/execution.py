"""How the trader stands."""

from typing import Final

from funding_platform.devtools.dashboards.grafana import Dashboard, Panel

EXECUTION: Final = Dashboard(
    "execution",
    "Funding: execution",
    "How the trader stands.",
    {
        "Now": (
            Panel(
                "New risk halted",
                {"halted": "funding_trader_halted"},
                kind="stat",
                width=4,
                limits=(1, 1),
            ),
            Panel(
                "Since the last cycle",
                {"age": "funding_trader_cycle_age_seconds"},
                "s",
                "stat",
                4,
                (60, 300),
            ),
            Panel("Pairs held", {"pairs": "sum(funding_trader_pairs)"}, kind="stat", width=4),
            Panel(
                "Unequal legs",
                {"pairs": "funding_trader_unhedged_pairs"},
                kind="stat",
                width=4,
                limits=(1, 1),
            ),
            Panel(
                "Notional", {"notional": "funding_trader_notional_usd"}, "currencyUSD", "stat", 4
            ),
            Panel(
                "Earned", {"earned": 'funding_trader_pnl_usd{part="pnl"}'}, "currencyUSD", "stat", 4
            ),
        ),
        "Over time": (
            Panel(
                "Earned, by what it is from",
                {"{{part}}": "funding_trader_pnl_usd"},
                "currencyUSD",
                width=12,
            ),
            Panel(
                "Equity of accounts",
                {"{{venue}}": "funding_trader_equity_usd"},
                "currencyUSD",
                width=12,
            ),
            Panel(
                "Equity over what has to be kept",
                {"{{venue}}": "funding_trader_margin_ratio"},
                limits=(4, 2),
            ),
            Panel("Pairs by state", {"{{state}}": "funding_trader_pairs"}),
            Panel(
                "Cycles",
                {"seconds": "funding_trader_cycle_seconds", "refused": "funding_trader_refused"},
            ),
            Panel(
                "Accounts that answer",
                {"{{venue}}": "funding_trader_venue_reachable"},
                kind="state-timeline",
                width=24,
            ),
        ),
    },
    {},
)
