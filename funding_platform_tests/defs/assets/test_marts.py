"""The marts as Dagster builds them: what a selection of them needs besides."""

from typing import Any, ClassVar, cast

import dagster as dg

from funding_platform.defs.assets.marts import _told_by_no_check, read_unselected
from funding_platform.defs.assets.translator import Translator


def test_what_is_read_of_the_build_alone_is_named_with_what_that_reads() -> None:
    def node(schema: str, *parents: str) -> dict[str, object]:
        return {"schema": schema, "name": schema, "depends_on": {"nodes": [*parents]}}

    nodes = {
        "seed": {"schema": "core", "name": "seed", "depends_on": {"macros": []}},
        "changed": {**node("build", "seed", "source.rates"), "name": "changed"},
        "anew": {**node("build", "changed"), "name": "anew"},
        "months": node("marts", "anew"),
        "coverage": node("marts", "months"),
    }
    assert read_unselected(nodes, {"months"}) == ["anew", "changed"]
    assert read_unselected(nodes, {"months", "anew"}) == ["changed"]
    assert read_unselected(nodes, {"months", "changed", "anew"}) == []
    assert read_unselected(nodes, {"coverage", "seed"}) == []


class Tests:
    """What is left of a dbt that has run two tests, of which one is a check."""

    manifest: ClassVar = {
        "nodes": {
            f"test.ours.{name}": {"depends_on": {"nodes": [f"source.ours.{name}"]}}
            for name in ("told", "broken", "sound")
        },
        "sources": {
            f"source.ours.{name}": {"schema": "core", "name": name}
            for name in ("told", "broken", "sound")
        },
    }

    def get_artifact(self, _: str) -> object:
        results = (("told", "fail"), ("broken", "fail"), ("sound", "pass"))
        return {
            "results": [
                {"unique_id": f"test.ours.{name}", "status": status, "message": "Got 3 results"}
                for name, status in results
            ]
        }


def test_what_a_test_finds_that_is_no_check_is_said_of_what_it_reads() -> None:
    told = dg.AssetCheckResult(passed=False, metadata={"unique_id": "test.ours.told"})
    (found,) = _told_by_no_check(cast("Any", Tests()), [told], Translator([]))
    assert found.asset_key == dg.AssetKey(["core", "broken"])
    assert found.description == "broken: Got 3 results"
