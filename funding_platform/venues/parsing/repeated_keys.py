"""Keys that come twice in one object: which of the two values counts, JSON leaves open.

msgspec takes the last. That a rate of 0.0001 with a second one of 0.1 behind it is stored as 0.1
must not be left to chance, so such an answer breaks the contract.

Looking at every object takes four times as long as decoding. So the names of declared fields are
counted in the bytes, which takes about as long: where there are as many as the decoded objects
have, no key can have come twice. Only where they differ, because a name occurs elsewhere too, is
every object looked at. Keys that nobody declared may come as often as they like.
"""

import json
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec


class RepeatedKeyError(ValueError):
    """An object has a key twice."""


def require_single_keys(body: bytes, value: object, envelope: Iterable[str]) -> None:
    """Refuse a body in which an object has a key twice.

    Parameters
    ----------
    body
        JSON that has been decoded.
    value
        What it was decoded into: structs, and lists and tuples of structs.
    envelope
        Names of the fields around it.

    Raises
    ------
    RepeatedKeyError
        If a key comes twice.
    """
    expected = Counter(envelope)
    _count(value, expected)
    # A name may also be spelled with escapes.
    if b"\\" in body or any(
        body.count(b'"%b"' % name.encode()) != times for name, times in expected.items()
    ):
        # Numbers are of no interest, and some are longer than Python reads.
        json.loads(body, object_pairs_hook=_require_single, parse_int=str, parse_float=str)


def _require_single(pairs: list[tuple[str, Any]]) -> None:
    names = {name for name, _ in pairs}
    if len(names) < len(pairs):
        twice = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
        raise RepeatedKeyError(f"an object has the field {twice[0]!r} twice")


def _count(value: object, names: Counter[str]) -> None:
    """Add how often each declared name must come in what ``value`` was decoded from."""
    if isinstance(value, list | tuple):
        if not value:
            return
        kind = type(value[0])
        if issubclass(kind, msgspec.Struct) and all(type(row) is kind for row in value):
            _count_alike(kind, value, names)
        else:
            for part in value:
                _count(part, names)
    elif isinstance(value, msgspec.Struct):
        _count_alike(type(value), [value], names)


def _count_alike(kind: type[msgspec.Struct], rows: Any, names: Counter[str]) -> None:
    """Count the same for structs of one type."""
    required, optional, nested, tag = _fields(kind)
    for name in required:
        names[name] += len(rows)
    for attribute, name, default in optional:
        names[name] += sum(getattr(row, attribute) is not default for row in rows)
    for attribute in nested:
        for row in rows:
            _count(getattr(row, attribute), names)
    if tag is not None:
        names[tag] += len(rows)


@cache
def _fields(
    kind: type[msgspec.Struct],
) -> tuple[list[str], list[tuple[str, str, object]], list[str], str | None]:
    """Find the names always there; those that may be, with defaults; and what holds structs."""
    fields = msgspec.structs.fields(kind)
    required = [field.encode_name for field in fields if field.required]
    optional = [
        (field.name, field.encode_name, field.default) for field in fields if not field.required
    ]
    nested = [field.name for field in fields if "Struct" in _kinds_in(field.type)]
    return required, optional, nested, kind.__struct_config__.tag_field


def _kinds_in(annotation: Any) -> set[str]:
    """Tell whether an annotation has structs in it."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return {"Struct"}
    return set().union(*(_kinds_in(part) for part in getattr(annotation, "__args__", ())))
