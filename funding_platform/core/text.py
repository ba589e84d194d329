"""Texts that others wrote: what a symbol may look like, and how a foreign text is shown.

A venue decides what its symbols, statuses and error messages say, and all of them end in tables,
logs and terminals. Control characters, escape sequences, marks that turn the direction of writing
and lone surrogates have no place there: none of them is printable, in Python's sense.
"""

from typing import Final

SYMBOL_LENGTH: Final = 64
"""The longest symbols known have some 25 characters; CoinGecko's, an exchange before them, 40."""

MESSAGE_LENGTH: Final = 1_000
"""How much of a message is kept, in characters."""


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
