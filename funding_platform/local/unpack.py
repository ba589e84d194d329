"""``python -m funding_platform.local.unpack``: write out what lies packed in Dagster's home.

For whoever wants Dagster's own storage back, which reads text alone. Nothing may be running.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from funding_platform.defs.packed_events import PACKED, unpacked
from funding_platform.local.home import dagster_instance
from funding_platform.views.terminal import console


def unpack(home: Path) -> int:
    """Write out everything that is packed in the files of a home; return how much it was."""
    count = 0
    for file in (*home.glob("history/runs/*.db"), *home.glob("schedules/*.db")):
        with closing(sqlite3.connect(file)) as connection, connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            for column in PACKED:
                if column.table.name in tables:
                    count += _unpack_column(connection, column.table.name, column.name)
    return count


def _unpack_column(connection: sqlite3.Connection, table: str, column: str) -> int:
    packed = connection.execute(
        f"SELECT id, {column} FROM {table} WHERE typeof({column}) = 'blob'"
    ).fetchall()
    connection.executemany(
        f"UPDATE {table} SET {column} = ? WHERE id = ?",
        [(unpacked(stored), number) for number, stored in packed],
    )
    return len(packed)


if __name__ == "__main__":
    with dagster_instance() as instance:
        root = Path(instance.root_directory)
    console.print(f"{unpack(root)} events and ticks written out in {root}", markup=False)
