"""Commands against the loss of the lake, and for one whose catalog is lost or damaged."""

from pathlib import Path
from typing import Literal

import click

from funding_platform.commands.common import settings


@click.command()
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=7,
    show_default=True,
    help="Backups to keep there; older ones go, with the files that no other has.",
)
def backup(target: Path, keep: int) -> None:
    """Back the lake up to a folder on another disk, while others read and write.

    Only files that no backup there has yet are copied. A backup counts once every table has been
    read to its last row from what was copied.
    """
    from funding_platform.flows.progress import begin
    from funding_platform.lake.recovery.backup import back_up
    from funding_platform.views.terminal import progress_bars

    with progress_bars():
        done = back_up(settings(), target, keep=keep, begin=begin)
    for name, table in done.manifest.tables.items():
        _tell_table(name, table.rows, table.fingerprint)
    click.echo(
        f"backup {done.name} of snapshot {done.manifest.snapshot_id}: "
        f"{len(done.manifest.files):,} files, {done.files_copied:,} of them copied "
        f"({done.bytes_copied:,} bytes), {done.files_dropped:,} that no backup has any more dropped"
    )


@click.command()
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--at", "name", help="Name of the backup; the newest when left out.")
def restore(source: Path, name: str | None) -> None:
    """Bring the lake back from a folder of backups, where there is none or its catalog is lost.

    The catalog takes its place once every table holds the rows that the backup was proven by.
    """
    from funding_platform.flows.progress import begin
    from funding_platform.lake.recovery.from_backup import bring_back
    from funding_platform.views.terminal import progress_bars

    with progress_bars():
        done = bring_back(settings(), source, name=name, begin=begin)
    for table, kept in done.manifest.tables.items():
        _tell_table(table, kept.rows, kept.fingerprint)
    click.echo(
        f"brought back {done.name}, snapshot {done.manifest.snapshot_id}: "
        f"{len(done.manifest.files):,} files, {done.files_copied:,} of them copied"
    )
    if done.files_unknown:
        click.echo(
            f"{done.files_unknown} files are unknown to it and were left alone; "
            "`funding lake rebuild --force` takes in what was committed since the backup"
        )
    _tell_what_is_kept(done.kept)


@click.group()
def lake() -> None:
    """Move the lake, or bring its catalog back after it was lost; see docs/recovery.md."""


@lake.command()
@click.option(
    "--to",
    type=click.Choice(["cluster", "embedded"]),
    required=True,
    help="Where it goes: PostgreSQL and S3, or the data folder.",
)
def move(to: Literal["cluster", "embedded"]) -> None:
    """Copy the lake from the data folder into PostgreSQL and S3, or back, with its snapshots.

    Each table there is proven to hold the rows that it holds here before the new catalog takes its
    place. The lake that is left stays as it was. Begun again, it goes on where it was stopped.
    """
    from funding_platform.flows.progress import begin
    from funding_platform.lake.recovery.move import move as run
    from funding_platform.views.terminal import progress_bars

    with progress_bars():
        done = run(settings(), to, begin=begin)
    for name, table in done.tables.items():
        _tell_table(name, table.rows, table.fingerprint)
    click.echo(
        f"moved {done.source} to {done.target}: {done.files:,} files, {done.files_copied:,} of "
        f"them copied now. Use it with FUNDING_LAKE_PROFILE={to}, everywhere"
    )


@lake.command("restore")
def restore_catalog() -> None:
    """Put back the newest copy of the catalog, which every writer leaves behind.

    The broken catalog is kept under another name, and no file is touched.
    """
    from funding_platform.lake.recovery.restore import restore as run

    done = run(settings())
    click.echo(f"put back {done.copy}, whose newest commit is of {done.committed_at:%F %T} UTC")
    if done.files_unknown:
        click.echo(
            f"{done.files_unknown} files are unknown to it: left by killed writers, kept from "
            "before, or of commits since the copy, which `funding lake rebuild --force` takes in"
        )
    _tell_what_is_kept(done.kept)


@lake.command()
@click.option(
    "--force",
    is_flag=True,
    help="Rebuild although the catalog can be read; it is what is begun with then.",
)
def rebuild(force: bool) -> None:
    """Make a new catalog from the newest copy of the old one and from the Parquet files.

    Without a copy from the files alone. Of the rows of one key the one seen last is kept. The new
    catalog takes its place once each table holds what was chosen for it: its rows and a fingerprint
    of them are printed. No file is deleted; the disk needs room for the tables twice.
    """
    from funding_platform.flows.progress import begin
    from funding_platform.lake.recovery.rebuild import rebuild as run
    from funding_platform.views.terminal import progress_bars

    with progress_bars():
        done = run(settings(), force=force, begin=begin)
    for table in done.tables:
        _tell_table(table.name, table.rows, table.fingerprint)
    begun = f"from {done.base} and" if done.base else "from"
    superseded = sum(table.superseded for table in done.tables)
    click.echo(
        f"rebuilt {begun} {done.files_read} files; "
        f"{superseded:,} older rows of the same keys left out"
    )
    for path in done.files_unreadable:
        click.echo(f"could not be read, and was left alone: {path}")
    for line in _UNKNOWN_WITHOUT_COPY if done.base is None else _UNKNOWN_SINCE_COPY:
        click.echo(f"cannot be known: {line}")
    click.echo("the marts are built again by the next transform; time travel begins anew")
    _tell_what_is_kept(done.kept)


_UNKNOWN_WITHOUT_COPY = (
    "rows written ten or fewer at a time lay in the catalog alone and are lost",
    "rows that were deleted and not written again are back",
)
_UNKNOWN_SINCE_COPY = (
    "rows written ten or fewer at a time since that catalog or copy are lost",
    "rows that were deleted since and not written again are back",
)


def _tell_table(name: str, rows: int, fingerprint: str) -> None:
    click.echo(f"{rows:>12,}  {fingerprint}  {name}")


def _tell_what_is_kept(kept: object) -> None:
    if kept:
        click.echo(f"the catalog from before is kept as {kept}")
