"""A dashboard in a few lines, and as Grafana has it.

Nine tenths of a dashboard's JSON are the same in all of them. What is not is declared with these
classes: titles, queries, units, sizes.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

Kind: TypeAlias = Literal["timeseries", "stat", "bargauge", "state-timeline"]

COLUMNS: Final = 24
"""Of Grafana's grid."""

_HEIGHTS: Final[Mapping[Kind, int]] = {
    "timeseries": 8,
    "stat": 4,
    "bargauge": 8,
    "state-timeline": 8,
}
_SOURCE: Final = {"type": "prometheus", "uid": "${source}"}
_COLOURS: Final = ("green", "orange", "red")
_SCHEMA: Final = 39


@dataclass(frozen=True, slots=True)
class Panel:
    """A picture of some queries.

    Parameters
    ----------
    title
        What is shown.
    queries
        In PromQL, by what their series are called, in which ``{{venue}}`` stands for a label.
    unit
        Of the values, as Grafana names it: ``s``, ``bytes``, ``percentunit``, ``short`` …
    kind
        Which picture.
    width
        Of 24 columns.
    limits
        From where on it is orange, and from where on red; falling limits colour what lies below.
    about
        More than the title says.
    """

    title: str
    queries: Mapping[str, str]
    unit: str = "short"
    kind: Kind = "timeseries"
    width: int = 8
    limits: tuple[float, float] | None = None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Panels in titled rows.

    Parameters
    ----------
    name
        Of its file and its address.
    title, about
        What it is of.
    rows
        Panels by the title of their row.
    variables
        What may be chosen: a query of label values by the variable's name.
    """

    name: str
    title: str
    about: str
    rows: Mapping[str, tuple[Panel, ...]]
    variables: Mapping[str, str]

    def expressions(self) -> Iterator[str]:
        """Yield every query."""
        for panels in self.rows.values():
            for panel in panels:
                yield from panel.queries.values()

    def text(self) -> str:
        """Write it as Grafana reads it."""
        chosen = [_source_variable(), *(_variable(*one) for one in self.variables.items())]
        whole = {
            "uid": f"funding-{self.name}",
            "title": self.title,
            "description": self.about,
            "tags": ["funding"],
            "schemaVersion": _SCHEMA,
            "timezone": "utc",
            "refresh": "1m",
            "time": {"from": "now-24h", "to": "now"},
            "editable": False,
            "graphTooltip": 1,
            "templating": {"list": chosen},
            "panels": [*_placed(self.rows)],
        }
        return json.dumps(whole, indent=1) + "\n"


def _placed(rows: Mapping[str, tuple[Panel, ...]]) -> Iterator[dict[str, Any]]:
    """Lay rows out, from the left to the right and down."""
    top, number = 0, 0
    for title, panels in rows.items():
        number += 1
        place = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
        yield {"id": number, "type": "row", "title": title, "gridPos": place, "panels": []}
        top, left, height = top + 1, 0, 0
        for panel in panels:
            number += 1
            if left + panel.width > COLUMNS:
                top, left, height = top + height, 0, 0
            size = {"w": panel.width, "h": _HEIGHTS[panel.kind]}
            yield _panel(panel, number, {"x": left, "y": top, **size})
            left, height = left + panel.width, max(height, size["h"])
        top += height


def _panel(panel: Panel, number: int, place: Mapping[str, int]) -> dict[str, Any]:
    targets = [
        {
            "refId": chr(ord("A") + place_of),
            "expr": expression,
            "legendFormat": legend,
            "instant": panel.kind in ("stat", "bargauge"),
            "datasource": _SOURCE,
        }
        for place_of, (legend, expression) in enumerate(panel.queries.items())
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "gridPos": place,
        "datasource": _SOURCE,
        "targets": targets,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "thresholds": _thresholds(panel.limits)},
            "overrides": [],
        },
        "options": _options(panel.kind),
    }


def _thresholds(limits: tuple[float, float] | None) -> dict[str, Any]:
    """Return the colours by value, lowest first; of falling limits what is low is red."""
    first, second = sorted(limits) if limits else (None, None)
    colours = _COLOURS[::-1] if limits and limits[0] > limits[1] else _COLOURS
    bounds: list[float | None] = [None] if limits is None else [None, first, second]
    steps = [{"color": colours[i], "value": bound} for i, bound in enumerate(bounds)]
    return {"mode": "absolute", "steps": steps}


def _options(kind: Kind) -> dict[str, Any]:
    reduced = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    if kind == "stat":
        return {**reduced, "colorMode": "value", "graphMode": "area"}
    if kind == "bargauge":
        return {**reduced, "orientation": "horizontal", "displayMode": "basic"}
    return {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi" if kind == "timeseries" else "single", "sort": "desc"},
    }


def _source_variable() -> dict[str, Any]:
    return {"name": "source", "label": "Source", "type": "datasource", "query": "prometheus"}


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "query": {"query": query, "refId": name},
        "datasource": _SOURCE,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "refresh": 2,
        "sort": 1,
    }
