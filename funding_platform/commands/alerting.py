"""Commands of the alerts."""

import sys
from datetime import UTC, datetime

import click

from funding_platform.commands.common import say, settings, text_format, write_frame


@click.group()
def alerts() -> None:
    """Show what is wrong, and tell people of it."""


@alerts.command(name="list")
@text_format
def list_(form: str) -> None:
    """List the active alerts, and how many messages wait to be sent."""
    import polars as pl

    from funding_platform.flows.alerting.rounds import standing
    from funding_platform.views.tables import SHOWN_ALERTS

    active, waiting = standing(settings())
    rows = [alert.model_dump(include=set(SHOWN_ALERTS)) for alert in active]
    write_frame(pl.DataFrame(rows, schema=SHOWN_ALERTS), form)
    for name, sink in waiting.items():
        if sink.messages or sink.lost:
            lost = f", {sink.lost} dropped" if sink.lost else ""
            reason = f": {sink.last_error}" if sink.last_error else ""
            say(f"{name}: {sink.messages} messages wait{lost}{reason}", err=True)


@alerts.command()
def check() -> None:
    """Look at the lake once, and send what has begun or ended: for a cron without Dagster."""
    from funding_platform.flows.alerting.rounds import look, send
    from funding_platform.telemetry.alerts.sinks import headline

    for message in look(settings(), datetime.now(UTC)):
        say(headline(message))
    say(f"{send(settings())} messages sent")


@alerts.command(name="send")
def send_() -> None:
    """Send what waits, as far as it is due."""
    from funding_platform.flows.alerting.rounds import send

    say(f"{send(settings())} messages sent")


@alerts.command()
def test() -> None:
    """Send a message to every sink at once. Exit status 1 if one does not take it."""
    from funding_platform.flows.alerting.rounds import try_out
    from funding_platform.views.terminal import remark

    refusals = try_out(settings(), datetime.now(UTC))
    for name, refusal in refusals.items():
        mark, style = ("ok ", "green") if refusal is None else ("bad", "red")
        remark(mark, style, name if refusal is None else refusal)
    sys.exit(1 if any(refusals.values()) else 0)


@alerts.command()
@click.argument("kind")
@click.argument("subject")
def end(kind: str, subject: str) -> None:
    """End an alert by hand: of a run, say, that nobody will repeat."""
    from funding_platform.flows.alerting.rounds import end as end_alert

    message = end_alert(settings(), kind, subject, datetime.now(UTC))
    say(f"{message.title}: ended")
