"""Text from outside: what is stored of it, and how people see it.

A symbol, a name or a message comes from a venue, a file or whoever filled the lake. On a terminal
an escape sequence in it can move the cursor, change the title or hide a line, and a bidirectional
mark can make one number look like another; in a Markdown cell it can be a link or a picture. So
symbols have a character set, messages are stored without what cannot be printed, and whatever is
shown has its control characters written out: shown, not done.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Final

SYMBOL_LENGTH: Final = 64
"""The longest symbols known have some 25 characters; CoinGecko's, an exchange before them, 40."""

MESSAGE_LENGTH: Final = 1_000
"""How much of a message is kept, in characters."""

ABSENT: Final = "-"
"""How a table shows what is not there."""

_ACTING_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Control and format characters (among these, marks of direction and of no width), halves of
characters, separators of lines and paragraphs."""

_MARKUP = re.compile(r"([\\`*_\[\]|~:$])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def is_symbol(text: str) -> bool:
    r"""Return whether a text may name an instrument or an asset.

    Letters of any script, digits, punctuation and inner spaces may; it is neither blank nor longer
    than ``SYMBOL_LENGTH``.

    Examples
    --------
    >>> is_symbol("BTC-USDT-SWAP"), is_symbol("币安人生USDT"), is_symbol("BTC\x1b[2J")
    (True, True, False)
    """
    return 0 < len(text) <= SYMBOL_LENGTH and text.isprintable() and text == text.strip()


def legible(text: str, length: int = MESSAGE_LENGTH) -> str:
    r"""Return a foreign text on one line, without what cannot be printed, and cut to a length.

    Examples
    --------
    >>> legible("down\x1b[31m\n for maintenance")
    'down[31m for maintenance'
    >>> legible("a" * 100, 10)
    'aaaaaaaaaa... (100 characters)'
    """
    head = text[:length]
    if not head.isprintable():
        spaced = " ".join(head.split())
        head = "".join(filter(str.isprintable, spaced))
    return head if len(text) <= length else f"{head}... ({len(text)} characters)"


def visible(text: str) -> str:
    r"""Return a text whose control and format characters are written out, as in ``\x1b[31m``.

    Ends of lines and tabulators stay.
    """
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in _ACTING_CATEGORIES:
        return character
    return character.encode("unicode_escape").decode("ascii")


def first_few(
    said: Sequence[str], most: int, *, separator: str = ", ", joint: str = " and "
) -> str:
    """List the first of several, and how many more there are."""
    more = len(said) - most
    return separator.join(said[:most]) + (f"{joint}{more} more" if more > 0 else "")


def cell(value: object) -> str:
    """Return a value as a table for people shows it: absent ones as a dash."""
    if value is None:
        return ABSENT
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return visible(str(value))


def markdown(text: str) -> str:
    """Return a text as one line of Markdown that is just this text: no link, no HTML."""
    plain = " ".join(visible(text).split())
    return _MARKUP.sub(r"\\\1", plain).translate(_ENTITIES)
