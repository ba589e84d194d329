"""The marts as Dagster builds them, on a real lake."""

from pathlib import Path

import dagster as dg
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.defs.marts import read_unselected
from funding_platform.lake import connect
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import january_of, rates


def test_a_mart_may_be_chosen_without_what_the_build_works_out_for_it(
    definitions: dg.Definitions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(tmp_path))
    with Lake(Settings()) as lake, lake.commit("run", "okx") as transaction:
        stored = rates("okx", symbols=2, hours=24)
        transaction.replace(FUNDING_RATES, stored, january_of("okx"))
    job = definitions.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        for chosen in (["marts", "listing_starts"], ["marts", "settlement_months"]):
            done = job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey(chosen)])
            assert done.success
    with connect(Settings()) as built:
        counted = built.execute("SELECT sum(settlements) FROM marts.settlement_months").fetchone()
    assert counted == (stored.height,)


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
