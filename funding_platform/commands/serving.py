"""``funding serve``, ``mcp``, ``keys``, ``webhooks``: the service, who may ask it, who is told."""

import logging
from typing import TYPE_CHECKING

import click

from funding_platform.commands.common import TEXT_FORMATS, say, settings, write_frame

if TYPE_CHECKING:
    from funding_platform.service.access.keys import Rate


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8400, show_default=True, help="Port; 0 takes any free one.")
@click.option("--public", is_flag=True, help="Ask everybody for a key; refuse to start without.")
def serve(host: str, port: int, public: bool) -> None:
    """Serve the dashboard to people, REST answers and streams to programs, until interrupted."""
    from funding_platform.service.server import listening, require_allowed
    from funding_platform.service.server import serve as run

    chosen = settings()
    require_allowed(chosen, host, public=public)
    logging.getLogger("funding_platform.service.access").setLevel(logging.INFO)
    opened = listening(host, port)
    name = f"[{host}]" if ":" in host else host
    at = f"http://{name}:{opened.getsockname()[1]}"
    say(f"dashboard {at}/ · REST {at}/api/v1, described by {at}/api/v1/openapi.json")
    run(chosen, opened, public=public)


@click.command()
@click.option("--http", is_flag=True, help="By streamable HTTP, in place of stdin and stdout.")
@click.option(
    "--port", default=8401, show_default=True, help="Port of --http; 0 takes any free one."
)
def mcp(http: bool, port: int) -> None:
    """Serve read-only tools to agents by MCP, to this machine alone, until interrupted."""
    from funding_platform.agents.serving import HOST, serve_http, serve_stdio
    from funding_platform.service.server import listening

    if not http:
        serve_stdio(settings())
        return
    opened = listening(HOST, port)
    say(f"tools for agents at http://{HOST}:{opened.getsockname()[1]}/mcp", err=True)
    serve_http(settings(), opened)


@click.group()
def keys() -> None:
    """Make, list and withdraw keys of the service."""


def _rate(context: click.Context, parameter: click.Parameter, text: str) -> "Rate":
    from funding_platform.service.access.keys import parse_rate

    try:
        return parse_rate(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice(("read", "admin")),
    default="read",
    show_default=True,
    help="admin may set fees too.",
)
@click.option(
    "--rate",
    default="10/s",
    show_default=True,
    callback=_rate,
    help="Requests per second (s), minute (m) or hour (h).",
)
def create(name: str, scope: str, rate: "Rate") -> None:
    """Make a key for NAME and show it, once: only a digest of it is kept."""
    from funding_platform.service.access.keys import create_key

    key, kept = create_key(
        settings().service_keys_file,
        name=name,
        scope="admin" if scope == "admin" else "read",
        rate=rate,
    )
    say(f"key {kept.id} of {kept.name}: {kept.scope}, {kept.rate}; it is not shown again", err=True)
    click.echo(key)


@keys.command("list")
@click.option("--format", "form", type=click.Choice(TEXT_FORMATS), default="table")
def list_(form: str) -> None:
    """List the keys that were made, without their secrets."""
    import polars as pl

    from funding_platform.core.tables.schema import UTC_TIME
    from funding_platform.service.access.keys import read_keys

    schema = {
        "id": pl.String(),
        "name": pl.String(),
        "scope": pl.String(),
        "rate": pl.String(),
        "created_at": UTC_TIME,
        "revoked_at": UTC_TIME,
    }
    made = read_keys(settings().service_keys_file)
    rows = [
        (key.id, key.name, key.scope, str(key.rate), key.created_at, key.revoked_at) for key in made
    ]
    write_frame(pl.DataFrame(rows, schema=schema, orient="row"), form)


@keys.command()
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """Withdraw the key ID for good; a service that runs knows within a second."""
    from funding_platform.service.access.keys import revoke_key

    revoked = revoke_key(settings().service_keys_file, key_id)
    say(f"key {revoked.id} of {revoked.name} does not count any more")


@click.group()
def webhooks() -> None:
    """See how webhooks stand, and try again what their receivers did not take."""


@webhooks.command("list")
@click.option("--format", "form", type=click.Choice(TEXT_FORMATS), default="table")
def list_webhooks(form: str) -> None:
    """List the webhooks of this machine with what waits for each; neither addresses nor secrets."""
    import polars as pl

    from funding_platform.service.webhooks.declared import standing
    from funding_platform.service.webhooks.post import state_file
    from funding_platform.telemetry.webhooks.registry import read_webhooks

    schema = {
        "id": pl.String(),
        "owner": pl.String(),
        "target": pl.String(),
        "events": pl.String(),
        "waiting": pl.Int64(),
        "dead": pl.Int64(),
        "last_error": pl.String(),
    }
    chosen = settings()
    rows = []
    for hook in read_webhooks(chosen.service_webhooks_file):
        told = {"id": hook.id, "owner": hook.owner, "target": hook.target}
        told["events"] = " ".join(hook.events)
        rows.append(told | standing(state_file(chosen, hook.id), hook))
    write_frame(pl.DataFrame(rows, schema=schema), form)


@webhooks.command()
@click.argument("webhook")
@click.option("--id", "delivery", help="One delivery; all that were given up if left out.")
def redeliver(webhook: str, delivery: str | None) -> None:
    """Have messages that WEBHOOK's receiver did not take for a day wait again, in their order."""
    from funding_platform.service.webhooks.post import redeliver as again
    from funding_platform.telemetry.webhooks.registry import find_webhook

    chosen = settings()
    hook = find_webhook(chosen.service_webhooks_file, webhook)
    number = again(chosen, hook, delivery)
    say(f"{number} messages wait again for {hook.target}; a service that runs sends them")
