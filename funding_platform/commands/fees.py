"""``funding fees``: what trading costs at each venue, now and then, and setting it by hand."""

import getpass
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from funding_platform.commands.common import (
    instant,
    new_run_id,
    one_venue,
    say,
    settings,
    text_format,
    write_frame,
)

if TYPE_CHECKING:
    import polars as pl

_tier = click.option("--tier", default="base", show_default=True, help="base is a new account.")
_note = click.option("--note", required=True, help="Why; kept with the override.")


@click.group()
def fees() -> None:
    """Trading fees by venue and tier: show them, set them, revoke what was set."""


@fees.command(name="list")
@one_venue
@click.option("--at", callback=instant, help="The fees of that time, UTC; now when left out.")
@text_format
def list_(venue: str | None, at: datetime | None, form: str) -> None:
    """List what each tier of each venue pays."""
    from funding_platform.flows.queries import fees_at, open_lake
    from funding_platform.views.tables import SHOWN_FEES

    with open_lake(settings()) as lake:
        applied = fees_at(lake, at or datetime.now(UTC), venue=venue)
    write_frame(applied.select(SHOWN_FEES) if form == "table" else applied, form)


@fees.command(name="set")
@click.argument("venue")
@_tier
@click.option("--maker-bps", type=float, required=True, help="Basis points; negative: a rebate.")
@click.option("--taker-bps", type=float, required=True, help="Basis points.")
@click.option("--min-volume", type=float, help="USD in 30 days that open the tier; for a new one.")
@click.option("--from", "since", callback=instant, help="First instant, UTC; now when left out.")
@_note
def set_(
    venue: str,
    tier: str,
    maker_bps: float,
    taker_bps: float,
    min_volume: float | None,
    since: datetime | None,
    note: str,
) -> None:
    """Override the fees of a tier of VENUE, for every reader at once."""
    from funding_platform.flows.fees import NewFees, set_fees

    stated = NewFees(
        venue=venue,
        tier=tier,
        maker_bps=maker_bps,
        taker_bps=taker_bps,
        effective_from=since or datetime.now(UTC).replace(microsecond=0),
        note=note,
        min_volume_30d_usd=min_volume,
    )
    row = set_fees(settings(), stated, recorded_by=_operator(), run_id=new_run_id())
    for doubt in stated.doubts:
        say(f"Warning: {doubt}", err=True)
    say(_sentence(row))


@fees.command()
@click.argument("venue")
@_tier
@click.option("--from", "since", callback=instant, required=True, help="Its first instant, UTC.")
@_note
def revoke(venue: str, tier: str, since: datetime, note: str) -> None:
    """Withdraw an override of VENUE; what it covered applies again."""
    from funding_platform.flows.fees import revoke_fees

    row = revoke_fees(
        settings(),
        venue=venue,
        tier=tier,
        effective_from=since,
        note=note,
        recorded_by=_operator(),
        run_id=new_run_id(),
    )
    say(_sentence(row))


@fees.command()
@one_venue
@text_format
def history(venue: str | None, form: str) -> None:
    """Show who set or revoked which fees, when and why."""
    from funding_platform.flows.queries import fee_overrides, open_lake
    from funding_platform.views.tables import SHOWN_OVERRIDES

    with open_lake(settings()) as lake:
        log = fee_overrides(lake, venue=venue)
    write_frame(log.select(SHOWN_OVERRIDES) if form == "table" else log, form)


def _operator() -> str:
    """Return the operating system's name for who runs this, or the number of a user without one."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _sentence(override: "pl.DataFrame") -> str:
    """Put a recorded override into words."""
    (row,) = override.rows(named=True)
    done = "revoked" if row["revoked"] else "set"
    return (
        f"{row['venue']} {row['tier']}: maker {row['maker_bps']:g} bps, "
        f"taker {row['taker_bps']:g} bps from {row['effective_from']:%Y-%m-%dT%H:%M:%SZ}, "
        f"{done} by {row['recorded_by']}"
    )
