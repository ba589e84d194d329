"""DuckDB in memory with the extensions that the lake needs."""

import importlib.util
from pathlib import Path

import duckdb

from funding_platform.lake.catalog import literal
from funding_platform.lake.errors import ExtensionError
from funding_platform.lake.profiles import kind_of, profile_of
from funding_platform.lake.profiles.contract import Profile
from funding_platform.settings import Settings


def bare_connection(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open DuckDB in memory with the lake's extensions, UTC, and caps on threads and memory."""
    profile = profile_of(settings)
    verified = _loaded_by.keys() >= set(profile.extensions)
    connection = duckdb.connect(
        config={
            "threads": settings.lake_threads,
            "memory_limit": settings.lake_memory_limit,
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,  # else every LOAD first asks the network
            "allow_unsigned_extensions": verified,
        }
    )
    connection.execute("SET TimeZone = 'UTC'")
    prepare(connection, profile)
    connection.execute("SET allow_unsigned_extensions = false")  # cannot be undone
    return connection


def check_signatures(profile: str) -> None:
    """Load a profile's extensions once, so that no connection of this process checks them again.

    Raises
    ------
    ExtensionError
        If one can be found nowhere.
    """
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        for name in kind_of(profile).extensions:
            load_extension(connection, name)


def prepare(connection: duckdb.DuckDBPyConnection, profile: Profile) -> None:
    """Load what a profile takes into a connection, and set it up."""
    for name in profile.extensions:
        load_extension(connection, name)
    profile.prepare(connection)


_loaded_by: dict[str, str] = {}
"""The statement that loaded each extension in this process, its signature checked by DuckDB.

Checking a signature reads the whole binary, some 35 MB: 80 ms at every connection, against 1 ms
for loading it again unchecked.
"""


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension: installed already, else from its wheel, else downloaded.

    Raises
    ------
    ExtensionError
        If none of the three works.
    """
    ways = (f"LOAD {name}", f"LOAD {literal(_wheel_file(name))}", f"INSTALL {name}; LOAD {name}")
    failures = []
    for statement in [_loaded_by[name]] if name in _loaded_by else ways:
        try:
            connection.execute(statement)
        except duckdb.Error as error:
            failures.append(f"{statement.split(';')[0]}: {error}")
        else:
            _loaded_by[name] = statement
            return
    raise ExtensionError(
        f"the DuckDB extension {name} cannot be loaded: {'; '.join(failures)}",
        hint=f"pip install duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}",
    )


def _wheel_file(name: str) -> Path:
    """Find where the extension's wheel keeps the binary."""
    package = importlib.util.find_spec(f"duckdb_extension_{name}")
    folder = Path(package.origin).parent if package and package.origin else Path("not-installed")
    return folder / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
