"""Text from outside, before people see it: what a character would do is shown, not done.

A symbol, a name or a message comes from a venue, a file or whoever filled the lake. On a terminal
an escape sequence in it can move the cursor, change the title or hide a line, and a bidirectional
mark can make one number look like another; in a Markdown cell it can be a link or a picture.
"""

import re
import unicodedata
from datetime import datetime
from typing import Final

ABSENT: Final = "-"
"""How a table shows what is not there."""

_ACTING_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Control and format characters (among these, marks of direction and of no width), halves of
characters, separators of lines and paragraphs."""

_MARKUP = re.compile(r"([\\`*_\[\]|~:$])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


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
