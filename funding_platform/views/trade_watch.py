"""``funding trade watch``: a trader on a terminal, five tables in 80 x 24 and more.

It reads the store once a second, beside the process that trades, and changes nothing but for one
key: ``h`` halts new risk. When the process stops, the last that it left stays on the screen and the
line above says how old that is.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from rich.text import Text
from textual.binding import Binding, BindingType

from funding_platform.core.errors import FundingError
from funding_platform.core.plain_text import visible
from funding_platform.core.time_grid import parse_instant
from funding_platform.flows.execution.reading import Standing
from funding_platform.views.panels import TABLES_CSS, Panels
from funding_platform.views.trading_tables import (
    clock_rows,
    screen_events,
    screen_offers,
    screen_pairs,
    short_time,
)

STALE_AFTER: Final = timedelta(minutes=3)
"""Three cycles of a minute: a picture that is older is of a process that stopped, or hangs."""


class TradeWatch(Panels[Standing]):
    """A trader.

    Parameters
    ----------
    read
        Reads how it stands.
    halt
        Halts new risk.
    now
        Tells the present.
    """

    TITLE = "funding trade"
    CSS = (
        TABLES_CSS
        + """
    #sums { height: 1; padding: 0 1; }
    Grid { grid-size: 2 3; grid-columns: 2fr 3fr; grid-rows: 3fr 2fr 2fr; }
    #pairs, #events { column-span: 2; }
    """
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("h", "halt", "Halt new risk")]
    LINES = ("status", "sums")
    PANELS: ClassVar = {
        "pairs": "Pairs held",
        "clock": "Funding clock",
        "offers": "Opportunities",
        "events": "Events",
    }
    COLOURS: ClassVar = {
        "open": "green",
        "opening": "yellow",
        "closing": "yellow",
        "unwinding": "bold red",
        "open_refused": "yellow",
        "halted": "bold red",
        "resumed": "green",
        "closed": "cyan",
        "due": "bold yellow",
    }

    def __init__(
        self,
        read: Callable[[], Standing],
        halt: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        super().__init__(read, now)
        self._halt = halt

    def action_halt(self) -> None:
        """Halt new risk; resuming is for a command, with its reason."""
        try:
            self._halt()
        except FundingError as error:
            self._trouble = visible(error.message)
        self.look()

    def line(self, name: str) -> Text:
        """Write how old the picture is, or what is held and what it has brought."""
        return self._status() if name == "status" else self._sums()

    def show_tables(self, seen: Standing) -> None:
        """Fill the tables of how the trader stands."""
        now, rows = self._now(), max(5, self.size.height)
        bases = {}
        if (picture := self._picture()) is not None:
            bases = {pair["pair_id"]: pair["base"] for pair in picture["pairs"]}
            self.table("pairs", screen_pairs(picture, now))
            self.table("clock", clock_rows(picture, now))
            self.table("offers", screen_offers(picture))
        self.table("events", screen_events(seen.events, rows, bases))

    def _status(self) -> Text:
        picture = self._picture()
        if self._seen is None or picture is None:
            return Text("no cycle has been run yet: `funding trade run` runs them", style="yellow")
        age = self._now() - parse_instant(picture["at"])
        shown = Text(f"{self._now():%H:%M:%S} UTC · {picture['trader']} · ")
        if age > STALE_AFTER:
            words = f"the trader stopped, or hangs: this is {short_time(age)} old"
            shown.append(words, style="bold red")
        else:
            shown.append(f"cycle {picture['cycle']['number']}, {short_time(age)} old")
        if self._seen.halt.halted:
            shown.append(f" · HALTED: {visible(self._seen.halt.reason)}", style="bold red")
        return shown

    def _sums(self) -> Text:
        """Write what is held and what it has brought since the start."""
        picture = self._picture()
        if picture is None:
            return Text("")
        totals, ever = picture["totals"], picture["since_start"]
        shown = Text(f"{totals['pairs']} pairs · {totals['notional_usd']:,.0f} USD a leg · P&L ")
        shown.append_text(_money(ever["pnl_usd"])).append(" =")
        fees = ever["fees_usd"]
        parts = (
            ("price", ever["trading_usd"]),
            ("funding", ever["funding_usd"]),
            ("fees", None if fees is None else -fees),
        )
        for name, amount in parts:
            shown.append(" ").append_text(_money(amount)).append(f" {name}")
        return shown

    def _picture(self) -> dict[str, Any] | None:
        found = self._seen.picture if self._seen is not None else None
        return None if found is None else dict(found.content)


def _money(amount: float | None) -> Text:
    if amount is None:
        return Text("unknown", style="yellow")
    return Text(f"{amount:+,.2f}", style="green" if amount >= 0 else "red")
