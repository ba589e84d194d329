"""The marts as Dagster builds them: what a selection of them needs besides."""

from funding_platform.defs.marts import read_unselected


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
