"""Which files an import reads: on disk, in folders, and in zip archives as people pack them."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import IO, Final

from funding_platform.flows.errors import DumpError, ImportRefusedError

MAX_BYTES: Final = 4 << 30
"""The largest file read, once decompressed: it streams, so that the limit is the disk's."""

_FORMS: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "lines",
    ".ndjson": "lines",
    ".parquet": "parquet",
}
"""What a file holds, by the end of its name."""

SUFFIXES: Final = (
    *(suffix + packed for suffix in _FORMS for packed in ("", ".gz")),
    ".zip",
)
"""Ends of the names of files that an import reads."""

_UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Member:
    """One file to read, on disk or in an archive.

    Parameters
    ----------
    path
        The file on disk.
    inside
        The name within it, where it is an archive.
    form
        ``csv``, ``json``, ``lines`` (a JSON value per line) or ``parquet``.
    """

    path: Path
    inside: str | None
    form: str

    @property
    def name(self) -> str:
        """The file as messages name it."""
        return str(self.path) if self.inside is None else f"{self.path}!{self.inside}"

    @property
    def paths(self) -> list[Path]:
        """Paths that may say the venue and the symbol, the most telling first."""
        within = [] if self.inside is None else [self.path.parent / self.inside]
        return [*within, self.path]

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the decompressed bytes.

        Raises
        ------
        DumpError
            If they cannot be read as what the name says.
        """
        name = self.inside or self.path.name
        try:
            with _opened(self.path, self.inside) as raw:
                if name.lower().endswith(".gz"):
                    with gzip.open(raw) as stream:
                        yield _Bounded(self.name, stream)  # type: ignore[misc]
                else:
                    yield _Bounded(self.name, raw)  # type: ignore[misc]
        except _UNREADABLE as error:
            raise DumpError(self.name, f"cannot be read: {error}") from error


class _Bounded:
    """A stream that ends with an error when it yields more than a file may hold."""

    def __init__(self, name: str, stream: IO[bytes] | gzip.GzipFile) -> None:
        self._name = name
        self._stream = stream
        self._left = MAX_BYTES

    def read(self, size: int = -1) -> bytes:
        """Read the next bytes."""
        block = self._stream.read(size if size >= 0 else self._left + 1)
        self._left -= len(block)
        if self._left < 0:
            raise DumpError(
                self._name, f"holds more than {MAX_BYTES >> 20} MiB", hint="cut it into parts"
            )
        return block


@contextmanager
def _opened(path: Path, inside: str | None) -> Iterator[IO[bytes]]:
    if inside is None:
        with path.open("rb") as file:
            yield file
    else:
        with zipfile.ZipFile(path) as archive, archive.open(inside) as stream:
            yield stream


def find_files(sources: Sequence[str], exclude: Sequence[str] = ()) -> list[Path]:
    """Find the files that are meant, each once, in order of path.

    Raises
    ------
    ImportRefusedError
        If a source is not there or of another format, or nothing is left.
    """
    found: set[Path] = set()
    for source in sources:
        path = Path(source)
        if path.is_dir():
            found.update(file for file in path.rglob("*") if _readable(file))
        elif path.is_file():
            if not _readable(path):
                raise ImportRefusedError(
                    f"{path} is none of {', '.join(SUFFIXES)}", hint="convert it to CSV or Parquet"
                )
            found.add(path)
        else:
            root = Path(path.absolute().anchor)
            matches = set(root.glob(str(path.absolute().relative_to(root))))
            if not matches:
                raise ImportRefusedError(f"there is no file {source}")
            found.update(file for file in matches if _readable(file))
    kept = [file for file in sorted(found) if not _matches(file.name, exclude)]
    if not kept:
        raise ImportRefusedError(
            f"{', '.join(sources)}: there is nothing to import",
            hint=f"files end in {', '.join(SUFFIXES)}",
        )
    return kept


def members(path: Path, exclude: Sequence[str] = ()) -> tuple[list[Member], list[str]]:
    """List the files to read in a file: itself, or those of an archive; and what is left unread.

    What a Mac adds to an archive (``__MACOSX/``, ``.DS_Store``) is neither.

    Raises
    ------
    DumpError
        If an archive cannot be read, or holds nothing to import.
    """
    if not path.name.lower().endswith(".zip"):
        return [Member(path, None, _form(path.name))], []
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except _UNREADABLE as error:
        raise DumpError(str(path), f"cannot be read: {error}") from error
    names = [name for name in names if not _added_by_a_mac(PurePosixPath(name))]
    readable = [
        name
        for name in sorted(names)
        if name.lower().endswith(SUFFIXES) and not name.lower().endswith(".zip")
    ]
    kept = [name for name in readable if not _matches(PurePosixPath(name).name, exclude)]
    if not readable:
        raise DumpError(
            str(path),
            f"holds no file to import, but {', '.join(names[:5]) or 'nothing'}",
            hint="archives within archives are unpacked by hand; "
            f"files end in {', '.join(SUFFIXES)}",
        )
    unread = [name for name in names if name not in readable]
    return [Member(path, name, _form(name)) for name in kept], unread


def without_suffix(name: str) -> str:
    """Return a file name without the suffix that says its format."""
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def whole(member: Member, limit: int) -> bytes:
    """Read all bytes of a file that cannot be read in parts.

    Raises
    ------
    DumpError
        If there are more than ``limit``.
    """
    with member.open() as stream:
        content = io.BytesIO()
        while block := stream.read(1 << 20):
            content.write(block)
            if content.tell() > limit:
                raise DumpError(
                    member.name,
                    f"holds more than {limit >> 20} MiB, and can only be read whole",
                    hint="cut it into parts, or write it as CSV or as one JSON object per line",
                )
    return content.getvalue()


def _form(name: str) -> str:
    lower = name.lower().removesuffix(".gz")
    return next(form for suffix, form in _FORMS.items() if lower.endswith(suffix))


def _matches(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatch(name, one) for one in globs)


def _readable(path: Path) -> bool:
    return (
        path.is_file()
        and path.name.lower().endswith(SUFFIXES)
        and not _added_by_a_mac(PurePosixPath(path.name))
        and "__MACOSX" not in path.parts
    )


def _added_by_a_mac(path: PurePosixPath) -> bool:
    return "__MACOSX" in path.parts or path.name.startswith("._") or path.name == ".DS_Store"
