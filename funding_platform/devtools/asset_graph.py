"""Write ``docs/assets.md``, the asset graph as tables, from the Dagster definitions themselves.

One table for each stage, one row for each asset: what it reads, and how it is partitioned. The
venues' assets are alike, so each kind is one row, ``raw/*/…``: registering a venue changes nothing
here. ``python -m funding_platform.devtools.asset_graph`` writes the page; a test proves that what
is committed equals what is derived here. What a newcomer sees first is drawn by hand, in README.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from funding_platform.core.tables.registry import TABLES
from funding_platform.defs.assembly import build_definitions
from funding_platform.defs.execution.assembly import build_execution_definitions
from funding_platform.settings import project_root

PAGE = Path("docs") / "assets.md"

STAGES = {
    "raw": "from the venues, by Python",
    "core": "dbt seeds, and fees set by hand",
    "features": "computed with Polars and NumPy",
    "staging": "dbt views of what was collected",
    "intermediate": "dbt views, and tables that marts share",
    "marts": "dbt tables, for people",
    "backtest": "simulated with Polars and numba",
    "notebooks": "run over the lake",
    "published": "one DuckDB file",
    "execution": "traded by a process of its own, in a code location of its own",
}
"""What the asset groups hold, in the order in which data passes through them."""

PARTITIONS = {"MonthlyPartitionsDefinition": "monthly", "HourlyPartitionsDefinition": "hourly"}

_INTRODUCTION = """\
# Assets

What Dagster builds, and from what; the Dagster UI draws the same as a graph, with its runs.
`*` stands for each venue. Derived from the definitions: `make docs` writes this page.
"""


def asset_page() -> str:
    """Return the text of ``docs/assets.md``."""
    rows: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for graph, keys in own_assets(locations()):
        for key in keys:
            node = graph.get(key)
            rows[node.group_name][display_name(key.path)] = _row(node)
    parts = [_INTRODUCTION]
    for stage in (*STAGES, *sorted(set(rows) - set(STAGES))):
        title = f"{stage}: {STAGES[stage]}" if stage in STAGES else stage
        head = f"## {title}\n\n| asset | partitions | reads |\n| --- | --- | --- |"
        parts.append("\n".join([head, *(row for _, row in sorted(rows[stage].items())), ""]))
    return "\n".join(parts)


def locations() -> list[dg.Definitions]:
    """Return what the code locations of ``workspace.yaml`` serve, the platform's own first."""
    return [build_definitions(), build_execution_definitions()]


def own_assets(served: Iterable[dg.Definitions]) -> Iterator[tuple[Any, Sequence[dg.AssetKey]]]:
    """Give the graph of each location, and its assets but for those of an earlier one.

    What a location only reads stands in its graph too, as a stub without a group.
    """
    known: set[dg.AssetKey] = set()
    for definitions in served:
        graph = definitions.resolve_asset_graph()
        own = [key for key in graph.get_all_asset_keys() if key not in known]
        known.update(own)
        yield graph, own


def _row(node: Any) -> str:
    """Return the table row of an asset."""
    partitions = PARTITIONS.get(type(node.partitions_def).__name__, "")
    return f"| {_linked(node.key)} | {partitions} | {', '.join(_sources(node.parent_keys))} |"


def _sources(keys: Sequence[dg.AssetKey]) -> Iterator[str]:
    yield from sorted({f"`{display_name(key.path)}`" for key in keys})


def display_name(path: Sequence[str]) -> str:
    """Return an asset key as shown: the venue of a collected asset is any venue."""
    return "/".join(["raw", "*", *path[2:]] if path[0] == "raw" else path)


def _linked(key: dg.AssetKey) -> str:
    """Return the asset's name, leading to the columns of its table where that is declared."""
    name = f"`{display_name(key.path)}`"
    schema = "core" if key.path[0] == "raw" else key.path[0]
    table = f"{schema}.{key.path[-1]}"
    anchor = table.replace(".", "")
    return f"[{name}](tables.md#{anchor})" if table in TABLES else name


if __name__ == "__main__":
    (project_root() / PAGE).write_text(asset_page(), encoding="utf-8")
