"""A real trader, ``funding trade run``, on two venues of the sandbox over a socket, to be killed.

The store and the venue are looked at from outside: what the process said of itself does not count.
"""

import asyncio
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from funding_platform.core.tables.marts.latest import LATEST_FUNDING_RATES
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.trading import ZERO
from funding_platform.execution import Journal, open_store
from funding_platform.execution.pair.pairs import InstrumentRef, PairState
from funding_platform.flows.execution.accounts import own_token
from funding_platform.lake.connection import connect
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.venues.orders.sandbox import SandboxOrders
from funding_platform_tests.arbitrage.market import build_lake, facts, insert_rows
from funding_platform_tests.chaos.processes import start
from funding_platform_tests.chaos.shell import Shell
from funding_platform_tests.checkout import ROOT
from funding_platform_tests.execution.stored import all_fills, all_orders, all_payments
from funding_platform_tests.flows.execution.test_market import rate

BASES = ("BTC", "ETH")
VENUES = ("binance", "bybit")
DEPOSIT = 10_000
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LOT = Decimal("1E-9")

CONFIG = f"""
strategy: {{name: cross_venue_carry, entry_threshold: 0, horizon_hours: 720}}
venues: [{", ".join(VENUES)}]
sizes: {{paper_balance_usd: {DEPOSIT}}}
limits: {{cooldown_minutes: 0}}
exits: {{max_age_hours: 0.0003, erosion: null, on_flip: false, better_by: null}}
opportunities: {{max_age_minutes: 600, filter: {{limit: 100}}}}
tactics: {{grace_seconds: 0.5, poll_seconds: 0.05, max_slippage_bps: 500, price_bound_bps: 500}}
tempo: {{cycle_seconds: 0.3, reconcile_seconds: 0.5}}
control_port: null
"""
"""Opens what it may, and closes it a second later: there is always something under way."""


@dataclass(frozen=True)
class KilledTrader(Shell):
    """The trader's data folder, and what holds between its store and the venues.

    Parameters
    ----------
    sent_before
        Orders that each venue had been sent when it was made: others use the sandbox too.
    """

    sent_before: Mapping[str, int] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"FUNDING_VENUES": ",".join(VENUES)}

    def trade(self, *death: str, cycles: int | None = None) -> "subprocess.Popen[bytes]":
        """Start the trader; one that is to die at a write is told so.

        Parameters
        ----------
        death
            The number of the write, and the moment of it.
        """
        told = ["trade", "run", "--config", "trader.yaml"]
        told += [] if cycles is None else ["--cycles", str(cycles)]
        program = [sys.executable, "-m", "funding_platform_tests.chaos.dying", *death, "--", *told]
        environment = self.environment | {"PYTHONPATH": str(ROOT)}  # tests are not installed
        return start(program, self.folder, self.folder, environment)

    def ask(self, *command: str) -> None:
        """Have a command carried out, which must end well."""
        self.run("trade", *command, "--config", "trader.yaml")

    def writes(self) -> int:
        """How many events the store has: the first thing that a process changes."""
        with open_store(self.settings.execution_store, trades=False) as store:
            return len(store.events())

    def traded(self) -> int:
        """How many pairs were opened and are over."""
        with open_store(self.settings.execution_store, trades=False) as store:
            return len(Journal(store).pairs(PairState.CLOSED))

    def settled(self) -> list[str]:
        """Start again, look, and close everything; what does not hold on the way and in the end."""
        self.ask("reconcile")
        matched = self.wrong(flat=False)
        self.ask("close-all")
        return matched + self.wrong(flat=True)

    def wrong(self, *, flat: bool) -> list[str]:
        """What does not hold: orders sent once, legs alike, and in the end money that adds up."""
        return asyncio.run(self._wrong(flat=flat))

    async def _wrong(self, *, flat: bool) -> list[str]:
        with open_store(self.settings.execution_store, trades=False) as store:
            journal = Journal(store)
            said = self._sent(journal)
            said += [f"{one.client_id} is {one.state}" for one in journal.unfinished_orders()]
            legs = {one.instrument: one.pair_id for one in journal.active_legs()}
            by_pair: defaultdict[str | None, Decimal] = defaultdict(Decimal)
            for venue in VENUES:
                async with self._account(venue) as account:
                    held = await account.holdings()
                    for symbol, one in held.items():
                        by_pair[legs.get(InstrumentRef(venue, symbol))] += one.quantity
                    said += [
                        f"{venue}: open order {one.client_id}"
                        for one in await account.open_orders()
                    ]
                    said += await self._doubled(journal, account)
                    if flat:
                        said += [f"{venue} {symbol} is held" for symbol in held]
                        said += await self._money(journal, account)
            if by_pair.pop(None, ZERO):
                said.append("something is held by no pair")
            said += [f"{one} lacks {net}" for one, net in by_pair.items() if abs(net) >= LOT]
            return said

    def _sent(self, journal: Journal) -> list[str]:
        """An order is in the journal before it is sent, and it is sent once at most."""
        known = Counter(one.venue for one in all_orders(journal))
        counted = _sent_to(self.sandbox)
        said = []
        for venue in VENUES:
            sent = counted[venue] - self.sent_before[venue]
            if sent > known[venue]:
                said.append(f"{venue}: {sent} orders were sent, {known[venue]} are in the journal")
        return said

    async def _doubled(self, journal: Journal, account: SandboxOrders) -> list[str]:
        """No order has filled for more than it was, and none is unknown to the journal."""
        known = {one.client_id: one.quantity for one in all_orders(journal)}
        filled: defaultdict[str, Decimal] = defaultdict(Decimal)
        for fill in {one.fill_id: one for one in await account.fills(LONG_AGO)}.values():
            filled[fill.client_id or "nobody"] += fill.quantity
        return [
            f"{account.venue}: {one} filled {done}"
            for one, done in filled.items()
            if done > known.get(one, ZERO)
        ]

    async def _money(self, journal: Journal, account: SandboxOrders) -> list[str]:
        """What the account gained is what the journal says that it did."""
        fills = [one for one in all_fills(journal) if one.venue == account.venue]
        paid = [one.amount_usd for one in all_payments(journal) if one.venue == account.venue]
        ours = sum((-one.signed * one.price - one.fee_usd for one in fills), ZERO) + sum(paid, ZERO)
        theirs = (await account.balance()).equity_usd - DEPOSIT
        off = abs(ours - theirs) >= Decimal("1E-8")
        return [f"{account.venue} gained {theirs}, by us {ours}"] if off else []

    def _account(self, venue: str) -> SandboxOrders:
        token = own_token(self.settings.data_dir / "execution" / "paper.token")
        return SandboxOrders(venue, self.sandbox.paper_url_of(venue), token, timeout_seconds=60.0)


def trader(folder: Path, sandbox: RunningSandbox) -> KilledTrader:
    """A trader's folder, with a lake that offers pairs of what the sandbox lists."""
    made = KilledTrader(folder, sandbox, _sent_to(sandbox))
    (folder / "trader.yaml").write_text(CONFIG)
    limits = Path("dbt_project") / "dbt_project.yml"  # of the marts: the trader keeps to them
    (folder / limits).parent.mkdir()
    shutil.copy(ROOT / limits, folder / limits)
    pairs = [facts(base, *VENUES, market_reasons=(), **_offered(base)) for base in BASES]
    build_lake(made.settings, (OPPORTUNITIES, pairs))
    rows = [
        rate(
            one[f"{side}_venue"],
            one[f"{side}_symbol"],
            base=one["base"],
            settled_rate=now,
            predicted_rate=now,
        )
        for one in pairs
        for side, now in (("long", 0.0), ("short", 0.002))
    ]
    with connect(made.settings, read_only=False) as lake:
        lake.execute(LATEST_FUNDING_RATES.ddl())
        insert_rows(lake, LATEST_FUNDING_RATES, rows)
    return made


def _sent_to(sandbox: RunningSandbox) -> dict[str, int]:
    """Count the orders that each venue was sent."""
    counted = sandbox.stats()
    return {
        venue: counted.get(venue, {}).get("/paper/orders", {}).get("requests", 0)
        for venue in VENUES
    }


def _offered(base: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        **dict.fromkeys(("long_symbol", "short_symbol"), f"{base}USDT"),
        **dict.fromkeys(("observed_at", "long_observed_at", "short_observed_at"), now),
        "long_rate_8h": 0.0,
        "short_rate_8h": 0.002,
    }
