"""Draw the asset graph into README.md, from the Dagster definitions themselves.

The venues' assets are alike, so each kind is drawn once, as ``raw/*/…``: registering a venue
changes nothing here. ``python -m funding_platform.devtools.asset_graph`` writes the diagram; a test
proves that what is committed equals what is derived here.
"""

import re
from collections import defaultdict
from collections.abc import Sequence

from funding_platform.defs.assembly import build_definitions
from funding_platform.settings import project_root

BEGIN, END = "<!-- asset graph -->", "<!-- /asset graph -->"

GROUPS = {
    "raw": "raw: Python, from the venues",
    "features": "features: Polars",
    "core": "core: dbt seeds, and fees set by hand",
    "staging": "staging: dbt views",
    "intermediate": "intermediate: dbt views, and tables that marts share",
    "marts": "marts: dbt tables",
    "notebooks": "notebooks: run over the lake",
    "backtest": "backtest: Polars and numba",
    "published": "published: one DuckDB file",
}
"""Titles of the asset groups, in the order in which they are drawn."""

PARTITIONS = {"MonthlyPartitionsDefinition": "monthly", "HourlyPartitionsDefinition": "hourly"}


def asset_graph() -> str:
    """The graph as a Mermaid flowchart, fenced for Markdown."""
    graph = build_definitions().resolve_asset_graph()
    groups: defaultdict[str, set[str]] = defaultdict(set)
    edges: set[tuple[str, str]] = set()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        name = drawn_as(key.path)
        partitions = PARTITIONS.get(type(node.partitions_def).__name__)
        label = f"{name}<br/>{partitions}" if partitions else name
        groups[node.group_name].add(f'    {identifier(name)}["{label}"]')
        edges |= {(drawn_as(parent.path), name) for parent in node.parent_keys}
    lines = ["```mermaid", "flowchart LR"]
    for group in (*GROUPS, *sorted(set(groups) - set(GROUPS))):
        title = GROUPS.get(group, group)
        lines += [f'  subgraph {group}["{title}"]', *sorted(groups[group]), "  end"]
    lines += [f"  {identifier(parent)} --> {identifier(name)}" for parent, name in sorted(edges)]
    return "\n".join([*lines, "```"])


def drawn_as(path: Sequence[str]) -> str:
    """An asset key as drawn: the venue of a collected asset is any venue."""
    return "/".join(["raw", "*", *path[2:]] if path[0] == "raw" else path)


def identifier(name: str) -> str:
    """A node id that Mermaid accepts."""
    return re.sub(r"\W", "_", name.replace("*/", ""))


def redrawn(text: str) -> str:
    """``text`` with everything between the two markers replaced by the graph."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{asset_graph()}\n{END}{tail}"


if __name__ == "__main__":
    readme = project_root() / "README.md"
    readme.write_text(redrawn(readme.read_text(encoding="utf-8")), encoding="utf-8")
