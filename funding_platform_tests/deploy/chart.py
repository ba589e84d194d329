"""Renders the chart where there is no ``helm``: the few words of Go's templates that it uses.

Actions are ``define``, ``if``/``else``, ``range $key, $value :=``, ``range $value :=`` and values;
a value is a path, a text, or a function of those, handed on by ``|``. Anything else is an error, so
that the chart stays as plain as this reads.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

_ACTION: Final = re.compile(r"\{\{(- )?\s*(.*?)\s*( -)?\}\}", re.DOTALL)
_WORD: Final = re.compile(r'"[^"]*"|\d+|\$?[\w.$]+')
_RANGE: Final = re.compile(r"range (?:\$(\w+), )?\$(\w+) := (.+)")

Part: TypeAlias = "str | Action"


class ChartError(Exception):
    """A template has something that is not understood, or names what is not there."""


@dataclass
class Action:
    """What stands between braces, and what it holds until its ``end``."""

    text: str
    body: list[Part] = field(default_factory=list)
    otherwise: list[Part] = field(default_factory=list)


def parse(template: str) -> list[Part]:
    """Read a template as texts and actions."""
    parts = [*_parts(template)]
    tree, rest = _block(parts)
    if rest:
        raise ChartError(f"an {rest[0]} too many")
    return tree


def _parts(template: str) -> Iterator[Part]:
    at, trimmed = 0, False
    for found in _ACTION.finditer(template):
        left, text, right = found.groups()
        yield _between(template[at : found.start()], trimmed, bool(left))
        yield Action(text)
        at, trimmed = found.end(), bool(right)
    yield _between(template[at:], trimmed, False)


def _between(text: str, left: bool, right: bool) -> str:
    text = text.lstrip() if left else text
    return text.rstrip() if right else text


def _block(parts: list[Part]) -> tuple[list[Part], list[Part]]:
    """Take parts up to an ``end`` or ``else`` that is not theirs; return those and the rest."""
    taken: list[Part] = []
    while parts:
        part = parts[0]
        if not isinstance(part, Action):
            taken.append(part)
            parts = parts[1:]
            continue
        if part.text in ("end", "else"):
            return taken, parts
        parts = parts[1:]
        if part.text.split()[0] in ("if", "range", "define"):
            part.body, parts = _block(parts)
            if isinstance(parts[0], Action) and parts[0].text == "else":
                part.otherwise, parts = _block(parts[1:])
            parts = parts[1:]  # its end
        taken.append(part)
    return taken, []


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _to_yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=True, default_flow_style=False)).rstrip()


def _indented(count: str, text: str) -> str:
    return "\n" + "\n".join(" " * int(count) + line if line else "" for line in text.split("\n"))


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "nindent": _indented,
    "quote": lambda value: json.dumps(_written(value)),
    "sha256sum": lambda text: hashlib.sha256(text.encode()).hexdigest(),
    "toJson": lambda value: json.dumps(value, sort_keys=True),
    "toYaml": _to_yaml,
}


class Renderer:
    """Renders templates that share their definitions."""

    def __init__(self, context: Mapping[str, Any]) -> None:
        self._context = context
        self._defined: dict[str, list[Part]] = {}

    def render(self, template: str) -> str:
        """Render a template, and remember what it defines."""
        return self._run(parse(template), {"$": self._context})

    def _run(self, parts: list[Part], scope: Mapping[str, Any]) -> str:
        return "".join(one if isinstance(one, str) else self._act(one, scope) for one in parts)

    def _act(self, action: Action, scope: Mapping[str, Any]) -> str:
        word, _, rest = action.text.partition(" ")
        if word == "define":
            self._defined[rest.strip('"')] = action.body
            return ""
        if word == "if":
            return self._run(action.body if self._value(rest, scope) else action.otherwise, scope)
        if word == "range":
            return self._ranged(action, scope)
        return _written(self._value(action.text, scope))

    def _ranged(self, action: Action, scope: Mapping[str, Any]) -> str:
        found = _RANGE.fullmatch(action.text)
        if found is None:
            raise ChartError(f"not understood: {action.text}")
        key, name, path = found.groups()
        held = self._value(path, scope)
        pairs = sorted(held.items()) if isinstance(held, Mapping) else enumerate(held)
        return "".join(
            self._run(action.body, {**scope, f"${key}": number, f"${name}": value})
            for number, value in pairs
        )

    def _value(self, text: str, scope: Mapping[str, Any]) -> Any:
        value: tuple[Any, ...] = ()
        for step in text.split("|"):
            value = (self._called(_WORD.findall(step), value, scope),)
        return value[0]

    def _called(self, words: list[str], piped: tuple[Any, ...], scope: Mapping[str, Any]) -> Any:
        name, *arguments = words
        if name == "include":
            return self._run(self._defined[arguments[0].strip('"')], {"$": self._context})
        if name in FUNCTIONS:
            return FUNCTIONS[name](*(self._read(one, scope) for one in arguments), *piped)
        if arguments or piped:
            raise ChartError(f"not understood: {' '.join(words)}")
        return self._read(name, scope)

    def _read(self, word: str, scope: Mapping[str, Any]) -> Any:
        if word.startswith('"'):
            return word.strip('"')
        if word.isdigit():
            return word
        root, *path = word.split(".")
        value = scope[root or "$"]
        for place, name in enumerate(filter(None, path), 1):
            if not isinstance(value, Mapping):
                raise ChartError(f"{word}: there is no {name}")
            if name not in value and place < len(path):
                raise ChartError(f"{word}: there is no {name}")
            value = value.get(name)
        return value


def rendered(chart: Path, values: Mapping[str, Any], *, release: str = "funding") -> str:
    """Render a chart with values; what comes out is YAML, several documents of it."""
    facts = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    renderer = Renderer(
        {
            "Values": values,
            "Chart": {"Name": facts["name"], "AppVersion": facts["appVersion"]},
            "Release": {"Name": release, "Namespace": "desk", "Service": "Helm"},
        }
    )
    files = sorted((chart / "templates").iterdir(), key=lambda file: file.suffix != ".tpl")
    texts = [
        renderer.render(file.read_text(encoding="utf-8")) for file in files if file.suffix != ".txt"
    ]
    return "\n---\n".join(texts)
