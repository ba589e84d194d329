"""The page of a trader's configuration, derived from its model."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from funding_platform.execution.config import TradingConfig

_BOUNDS = {"gt": "> {}", "ge": ">= {}", "lt": "< {}", "le": "<= {}"}


def trading_config_markdown(origin: str) -> str:
    """Write every field: its path, default, bounds and meaning."""
    lines = [
        "# A trader's configuration",
        "",
        f"<!-- {origin} -->",
        "",
        "Fields of the YAML file that [`funding trade run`](execution.md) reads; one that is left "
        "out has its default. The example is `execution/paper.yaml`. What `strategy` takes beside "
        "`name` are the parameters of that strategy, those of `opportunities.filter` the fields of "
        "`OpportunityFilter` (`funding opportunities --help` explains them).",
        "",
        "| field | default | bounds | meaning |",
        "| --- | --- | --- | --- |",
        *(f"| {' | '.join(cells)} |" for cells in _rows(TradingConfig, "")),
    ]
    return "\n".join(lines) + "\n"


def _rows(model: type[BaseModel], path: str) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        inner = type(default) if isinstance(default, BaseModel) else None
        if inner is not None and name not in ("strategy", "filter"):
            yield from _rows(inner, f"{path}{name}.")
        else:
            yield f"`{path}{name}`", _default(default), _bounds(field), field.description or ""


def _default(value: Any) -> str:
    if isinstance(value, BaseModel):
        stated = value.model_dump(mode="json", exclude_defaults=True)
        stated = stated or {"name": getattr(value, "name", "")}
        return ", ".join(f"`{name}: {told}`" for name, told in stated.items())
    if isinstance(value, tuple):
        return "`[]`" if not value else f"`{list(value)}`"
    if isinstance(value, bool) or value is None:
        return f"`{'null' if value is None else str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _bounds(field: FieldInfo) -> str:
    told = [
        form.format(f"{float(limit):g}")
        for part in field.metadata
        for name, form in _BOUNDS.items()
        if (limit := getattr(part, name, None)) is not None
    ]
    return ", ".join(told)
