"""``funding live``: the collector of streams, and looks at what it sees."""

import signal
from datetime import UTC, datetime

import click

from funding_platform.commands.common import (
    TEXT_FORMATS,
    new_run_id,
    say,
    settings,
    write_frame,
)


@click.group(invoke_without_command=True)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="Stop by itself after so long; without it, at Ctrl-C.",
)
@click.pass_context
def live(context: click.Context, seconds: float | None) -> None:
    """Follow every venue's stream: keep the board, record it, hand it out."""
    if context.invoked_subcommand is not None:
        if seconds is not None:
            raise click.UsageError("--seconds is for the collector itself")
        return
    from funding_platform.flows.live.collector import collect_live
    from funding_platform.venues.rest.retries import log_retries

    log_retries()
    chosen = settings()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever supervises it sends that
    say(f"following {len(chosen.venues) or 'all'} venues; `funding live watch` shows them")
    collect_live(chosen, new_run_id(), seconds)


@live.command()
def watch() -> None:
    """Show the market as it stands on this terminal, again every second."""
    from functools import partial

    from funding_platform.flows.live.latest import VENUES, read_latest
    from funding_platform.views.watch import Watch

    chosen = settings()
    read_latest(
        chosen, VENUES
    )  # without a collector the reason is said here, not on a screen that goes
    Watch(partial(read_latest, chosen), lambda: datetime.now(UTC)).run()


@live.command()
@click.option("--format", "form", type=click.Choice(TEXT_FORMATS), help="table if unsaid.")
@click.option(
    "--alive", is_flag=True, help="Status 1 only where the collector has stopped, for supervisors."
)
def status(form: str | None, alive: bool) -> None:
    """Say how the collector and its venues are; status 1 where one is not live."""
    from funding_platform.flows.checks.live import board_fresh
    from funding_platform.flows.live.latest import VENUES, read_latest
    from funding_platform.views.live_tables import shown_venues

    now, latest = datetime.now(UTC), read_latest(settings(), VENUES)
    answer = board_fresh(latest, now)
    if VENUES in latest.frames:
        venues = latest.frames[VENUES]
        write_frame(shown_venues(venues) if form in (None, "table") else venues, form or "table")
    say(answer.verdict)
    if latest.is_stale(now) or not (alive or answer.passed):
        raise SystemExit(1)
