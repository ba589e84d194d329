"""``funding opportunities``: ranked pairs, two venues side by side, once or watched."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import click

from funding_platform.commands.common import (
    TEXT_FORMATS,
    known_venue,
    say,
    settings,
    write_frame,
)
from funding_platform.commands.opportunity_options import FilterCommand
from funding_platform.core.errors import FundingError

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from funding_platform.arbitrage.filters import OpportunityFilter
    from funding_platform.flows.queries.trading.opportunities import LeftOut

_FORM = (
    click.option(
        "--ascending",
        "descending",
        is_flag=True,
        flag_value=False,
        default=True,
        help="Smallest, or worst, first.",
    ),
    click.option("--format", "form", type=click.Choice(TEXT_FORMATS), help="table if unsaid."),
    click.option("--json", "as_json", is_flag=True, help="As --format json."),
    click.option("--csv", "as_csv", is_flag=True, help="As --format csv."),
    click.option("--left-out", is_flag=True, help="Say what each bound leaves out, on stderr."),
    click.option("--watch", is_flag=True, help="Show again and again, until Ctrl-C."),
    click.option(
        "--every",
        type=click.FloatRange(min=1),
        default=60.0,
        show_default=True,
        help="Seconds between two looks of --watch.",
    ),
)


def _form_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what is shown, and how often."""
    for option in reversed(_FORM):
        command = option(command)
    return command


class ListByDefault(click.Group):
    """A group whose ``list`` runs where no command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``list`` before options that no command comes before."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=ListByDefault)
def opportunities() -> None:
    """Ranked cross-venue pairs, net of fees, spreads and impact; without a command, list."""


@opportunities.command(name="list", cls=FilterCommand)
@_form_options
@click.option("--best", is_flag=True, help="The best pair of each asset only.")
@click.option("--explain", "in_words", is_flag=True, help="Each pair in words, not as a table.")
def list_(*, best: bool, in_words: bool, **stated: Any) -> None:
    """List the pairs that pass every bound, the best first."""
    from funding_platform.arbitrage.explanation import explain
    from funding_platform.flows.queries import left_out, ranked_opportunities
    from funding_platform.views.opportunity_words import shown_opportunities

    output = Output.taken_from(stated)
    if in_words and output.form != "table":
        raise click.UsageError("--explain is for people: it goes with no other format")
    wanted = _filter(stated)

    def draw(found: "pl.DataFrame") -> None:
        if in_words:
            say("\n\n".join(explain(row, wanted.fee_mode) for row in found.to_dicts()))
        else:
            write_frame(shown_opportunities(found, wanted), "table")

    output.show(
        partial(ranked_opportunities, wanted=wanted, best=best),
        partial(left_out, wanted=wanted, best=best),
        draw,
        wanted.limit,
    )


@opportunities.command(
    cls=FilterCommand,
    without=("venues", "long_venues", "short_venues"),
)
@click.argument("first", callback=known_venue)
@click.argument("second", callback=known_venue)
@_form_options
def compare(first: str, second: str, **stated: Any) -> None:
    """Compare every base that both FIRST and SECOND list, side by side."""
    from funding_platform.flows.queries.trading.opportunities import (
        between,
        compare_venues,
        left_out,
    )
    from funding_platform.views.opportunity_words import shown_comparison

    output = Output.taken_from(stated)
    wanted = _filter(stated)
    output.show(
        lambda lake: compare_venues(lake, first, second, wanted),
        partial(left_out, wanted=between(first, second, wanted)),
        lambda found: write_frame(shown_comparison(found, first, second, wanted), "table"),
        wanted.limit,
    )


@dataclass(frozen=True, slots=True)
class Output:
    """In what form something is shown, whether with what was left out, and how often."""

    form: str
    left_out: bool
    every: float | None
    """Seconds between two looks; None to look once."""

    @classmethod
    def taken_from(cls, stated: dict[str, Any]) -> Self:
        """Take the options that say what is shown out of those stated; the rest is the filter."""
        form, as_json, as_csv = (stated.pop(name) for name in ("form", "as_json", "as_csv"))
        forms = {form} - {None} | ({"json"} if as_json else set()) | ({"csv"} if as_csv else set())
        if len(forms) > 1:
            raise click.UsageError(f"one format at a time, not {' and '.join(sorted(forms))}")
        watch, every = stated.pop("watch"), stated.pop("every")
        if watch and forms == {"csv"}:
            raise click.UsageError("--watch would repeat the header of the csv; take --json")
        return cls(next(iter(forms), "table"), stated.pop("left_out"), every if watch else None)

    def show(
        self,
        find: "Callable[[duckdb.DuckDBPyConnection], pl.DataFrame]",
        count: "Callable[[duckdb.DuckDBPyConnection], LeftOut]",
        draw: "Callable[[pl.DataFrame], None]",
        limit: int,
    ) -> None:
        """Find rows and show them; where there are none, say which bounds left them out."""
        from funding_platform.flows.queries import open_lake
        from funding_platform.views.opportunity_words import left_out_in_words

        def look() -> None:
            with open_lake(settings()) as lake:
                found = find(lake)
                left = count(lake) if self.left_out or found.is_empty() else None
            if self.form != "table":
                write_frame(_flat(found) if self.form == "csv" else found, self.form)
            elif not found.is_empty():
                draw(found)
            if left is not None:
                say(left_out_in_words(left, limit), err=True)

        if self.every is None:
            look()
        else:
            watch(look, self.every, clear=self.form == "table")


def watch(look: Callable[[], None], every: float, *, clear: bool) -> None:
    """Look now and every so many seconds, until interrupted.

    What fails at the first look is an error of the question; what fails later may pass, such as a
    lake that is locked for a moment, and is only said.
    """
    look()
    try:
        while True:
            say(f"{datetime.now(UTC):%H:%M:%S} UTC, again in {every:g} s", err=True)
            time.sleep(every)
            if clear:
                click.clear()
            try:
                look()
            except FundingError as error:
                say(str(error), err=True)
    except KeyboardInterrupt:
        return


def _filter(stated: dict[str, Any]) -> "OpportunityFilter":
    """Build the filter of the options that were stated."""
    from funding_platform.arbitrage.filters import OpportunityFilter

    return OpportunityFilter(
        **{name: value for name, value in stated.items() if value not in (None, (), {})}
    )


def _flat(found: "pl.DataFrame") -> "pl.DataFrame":
    """Join a frame's reasons into one text: csv has no place for a list in a cell."""
    import polars as pl

    return found.with_columns(pl.col("reasons").list.join(" "))
