"""Text files in parts: any encoding in, UTF-8 out, cut where a record ends.

A part is bounded, whatever the file holds: one that is 1 GiB large takes no more memory than one
that is 10 MiB large, and a line that never ends is refused.
"""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Final

from funding_platform.flows.errors import DumpError

PART_BYTES: Final = 8 << 20
"""Bytes that are looked at together."""

LONGEST_RECORD: Final = 1 << 20
"""Bytes of one record; more are a quote that is never closed, or no text."""

_UTF8 = "utf-8"

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """Whole records, in UTF-8, and the number of the first line."""

    text: bytes
    first_line: int


def parts(
    file: str, stream: IO[bytes], encoding: str | None, known_header: Callable[[str], bool]
) -> Iterator[Part]:
    """Yield a text file in parts, each ending where a line and every quote end.

    Parameters
    ----------
    file
        Its name, for messages.
    encoding
        What it was said to be in; by default seen from its first bytes.
    known_header
        Whether a first line is that of a layout whose files are known to be in another encoding.

    Raises
    ------
    DumpError
        If the bytes are not text in that encoding, or a record does not end.
    """
    rest, line = b"", 1
    for block in _in_utf8(file, stream, encoding, known_header):
        rest += block
        if len(rest) < PART_BYTES and block:
            continue
        whole, rest = _cut(rest) if block else (rest, b"")
        if len(rest) > LONGEST_RECORD:
            raise DumpError(
                file,
                f"a record of more than {LONGEST_RECORD >> 20} MiB begins here",
                line=line + whole.count(b"\n"),
                hint="a quote is not closed, or this is not a text file",
            )
        if whole:
            yield Part(whole, line)
            line += whole.count(b"\n")


def _cut(text: bytes) -> tuple[bytes, bytes]:
    """Cut off the records that are complete from the beginning of the next one."""
    end = text.rfind(b"\n") + 1
    if text.count(b'"', 0, end) % 2:  # the cut lies within quotes
        end = _last_end_outside_quotes(text, end)
    return text[:end], text[end:]


def _last_end_outside_quotes(text: bytes, end: int) -> int:
    """Find the last line end before ``end`` with an even number of quotes before it."""
    quotes = text.count(b'"', 0, end)
    while end > 0 and quotes % 2:
        before = text.rfind(b"\n", 0, end - 1) + 1
        quotes -= text.count(b'"', before, end)
        end = before
    return end


def _in_utf8(
    file: str, stream: IO[bytes], encoding: str | None, known_header: Callable[[str], bool]
) -> Iterator[bytes]:
    """Yield blocks of UTF-8, lines ending in line feeds, and an empty one at the end."""
    head = stream.read(LONGEST_RECORD)
    encoding = encoding or _encoding_of(file, head, known_header)
    decoder = codecs.getincrementaldecoder(encoding)()
    lines, held = 1, ""
    block = head
    while True:
        try:
            text = held + decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise _undecodable(file, encoding, error, lines) from error
        # A carriage return at the end may be half of a line end.
        held = "\r" if text.endswith("\r") and block else ""
        text = text.removesuffix(held).replace("\r\n", "\n").replace("\r", "\n")
        lines += text.count("\n")
        if text:
            yield text.encode()
        if not block:
            yield b""
            return
        block = stream.read(LONGEST_RECORD)


def _encoding_of(file: str, head: bytes, known_header: Callable[[str], bool]) -> str:
    """Tell the encoding that the first bytes show."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if head[1:8:2] == b"\0" * len(head[1:8:2]) and len(head) > 1:
        return "utf-16-le"
    if head[0:8:2] == b"\0" * len(head[0:8:2]) and len(head) > 1:
        return "utf-16-be"
    try:
        codecs.getincrementaldecoder(_UTF8)().decode(head)
    except UnicodeDecodeError as error:
        heading = head.split(b"\n", 1)[0]
        if known_header(heading.decode("gbk", "replace")):
            return "gb18030"  # of which GBK is a part
        raise _undecodable(file, _UTF8, error, 1) from error
    return _UTF8


def _undecodable(file: str, encoding: str, error: UnicodeDecodeError, line: int) -> DumpError:
    return DumpError(
        file,
        f"is not text in {encoding.upper()}: {error.reason}",
        line=line + bytes(error.object[: error.start]).count(b"\n"),
        hint="say which encoding it is in, such as --map encoding=gbk (Chinese), cp1252 (Western "
        "European), cp1251 (Cyrillic), shift_jis or utf-16",
    )
