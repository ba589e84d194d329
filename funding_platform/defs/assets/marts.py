"""The dbt project as assets: seeds, staging views and marts; dbt tests are asset checks."""

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import (
    DbtCliInvocation,
    DbtCliResource,
    DbtProject,
    dbt_assets,
)
from dagster_dbt.asset_utils import get_asset_check_key_for_test

from funding_platform.core.tables.fees import FEE_OVERRIDES
from funding_platform.defs.assets.built import Reading, shown
from funding_platform.defs.assets.features import ONLY_CHANGED
from funding_platform.defs.assets.translator import Translator
from funding_platform.defs.presentation import (
    OWNERS,
    definition_metadata,
    markdown_table,
    table_key,
)
from funding_platform.defs.running.resources import LakeResource
from funding_platform.flows.collection.history.depths import history_depths
from funding_platform.flows.progress import step
from funding_platform.lake.marts.build import OF_THE_BUILD, RESULTS, MartsBuild, marts_build
from funding_platform.lake.marts.dbt import BUILD, TEST

SHOWN_ROWS = 20

MARTS = "marts"
"""The step that builds them; dbt's folder of each run begins with it."""


def fee_overrides_asset() -> dg.AssetSpec:
    """Declare the dbt source that no asset writes: people do, with ``funding fees set``."""
    return dg.AssetSpec(
        table_key(FEE_OVERRIDES),
        description=FEE_OVERRIDES.description,
        group_name=FEE_OVERRIDES.schema,
        owners=OWNERS,
        kinds={"duckdb"},
        metadata=definition_metadata(FEE_OVERRIDES),
    )


def mart_assets(venues: Sequence[str], project: DbtProject) -> dg.AssetsDefinition:
    """Define all that dbt builds, in one step: all of it appears in the lake, or nothing does."""
    translator = Translator(venues)

    @dbt_assets(
        manifest=project.manifest_path,
        project=project,
        dagster_dbt_translator=translator,
        name=MARTS,
    )
    def marts(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, lake: LakeResource
    ) -> Iterator[Any]:
        with marts_build(lake.settings, history_depths()) as build:
            if context.selected_asset_keys:
                with step("dbt build"):
                    _make_what_is_read(dbt, build, context.selected_asset_keys, translator, project)
                    models = _started(dbt, build, BUILD, context, project)
                    outputs = list(models.stream())
                    build.swap(context.run.run_id, models.target_path)
                whole = ONLY_CHANGED not in context.run.tags  # an hour's worth of lineage is MBs
                lineage = translator.lineage(models, project) if whole else {}
                yield from _shown(outputs, lineage, context, lake, build)
            with step("dbt test"):
                tests = _started(dbt, build, TEST, context, project)
                # To the end: dbt lets nobody else open the build.
                results = list(_check_results(tests, context, translator, project))
            if (tests.target_path / RESULTS).exists():
                build.tested.remember(_outcomes(tests))
                for trouble in _told_by_no_check(tests, results, translator):
                    context.log.warning(trouble.description)
                    yield trouble
            for result in results:
                yield _explained(result, tests, build)

    return marts


def _make_what_is_read(
    dbt: DbtCliResource,
    build: MartsBuild,
    selected: Collection[dg.AssetKey],
    translator: Translator,
    project: DbtProject,
) -> None:
    """Build what selected marts read of this build alone: no earlier one has left it to them."""
    nodes = json.loads(project.manifest_path.read_bytes())["nodes"]
    chosen = {name for name, node in nodes.items() if translator.get_asset_key(node) in selected}
    if names := read_unselected(nodes, chosen):
        _started(dbt, build, ("run", "--select", *names), None, project).wait()


def read_unselected(nodes: Mapping[str, Any], chosen: Collection[str]) -> list[str]:
    """Name the models in the schema of the build that chosen nodes read, and that are not chosen.

    Parameters
    ----------
    nodes
        dbt's, by their unique ids, as in its manifest.
    chosen
        Unique ids.
    """
    needed: set[str] = set()
    waiting = [*chosen]
    while waiting:
        parents = set(nodes[waiting.pop()]["depends_on"].get("nodes", ())) & nodes.keys()
        further = (
            {one for one in parents if nodes[one]["schema"] == OF_THE_BUILD} - needed - {*chosen}
        )
        needed |= further
        waiting += further
    return sorted(nodes[one]["name"] for one in needed)


def _started(
    dbt: DbtCliResource,
    build: MartsBuild,
    arguments: tuple[str, ...],
    context: dg.AssetExecutionContext | None,
    project: DbtProject,
) -> DbtCliInvocation:
    """Set dbt to work in the build. That a test fails, or cannot be run, is not an error."""
    variables = {**build.environment(), "DBT_TARGET_PATH": str(project.target_path)}
    before = {name: os.environ[name] for name in variables if name in os.environ}
    os.environ.update(variables)  # dagster-dbt hands on its own environment, and nothing else
    try:
        return dbt.cli([*arguments], context=context, raise_on_error=arguments != TEST)
    finally:
        for name in variables.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def _check_results(
    tests: DbtCliInvocation,
    context: dg.AssetExecutionContext,
    translator: Translator,
    project: DbtProject,
) -> Iterator[dg.AssetCheckResult]:
    """Yield the results of those tests that are checks of what is built.

    dagster-dbt makes an observation and a warning of each other one, however well it went.
    """
    asked = context.selected_asset_check_keys
    for event in tests.stream_raw_events():
        test = str(event.raw_event["data"].get("node_info", {}).get("unique_id"))
        check = get_asset_check_key_for_test(tests.manifest, translator, test, project)
        if check in asked:
            for result in event.to_default_asset_events(
                tests.manifest, translator, context, tests.target_path, project
            ):
                if isinstance(result, dg.AssetCheckResult):
                    yield result


def _told_by_no_check(
    tests: DbtCliInvocation, results: Sequence[dg.AssetCheckResult], translator: Translator
) -> Iterator[dg.AssetObservation]:
    """Yield what tests found that are checks of nothing which is built here, of what they read."""
    told = {str(result.metadata["unique_id"].value) for result in results}
    nodes = {**tests.manifest["nodes"], **tests.manifest["sources"]}
    for one in _results(tests):
        if one["unique_id"] not in told and one["status"] not in ("pass", "skipped"):
            found = f"{one['unique_id'].split('.')[2]}: {one['message'] or one['status']}"
            for read in nodes[one["unique_id"]]["depends_on"]["nodes"]:
                yield dg.AssetObservation(translator.get_asset_key(nodes[read]), found)


def _explained(
    event: dg.AssetCheckResult, tests: DbtCliInvocation, build: MartsBuild
) -> dg.AssetCheckResult:
    """Give a failed check the first rows that its test found, or why it could not be run."""
    if event.passed:
        return event
    failed_rows = event.metadata.get("dagster_dbt/failed_row_count")
    if failed_rows is None or not failed_rows.value:
        told = {one["unique_id"]: one["message"] for one in _results(tests)}
        reason = told.get(str(event.metadata["unique_id"].value)) or "dbt says nothing more"
        return event.with_metadata({**event.metadata, "error": dg.MetadataValue.text(reason)})
    (compiled,) = (tests.target_path / "compiled").rglob(f"{event.check_name}.sql")
    with build.connection() as connection:
        found = connection.execute(
            f"FROM ({compiled.read_text(encoding='utf-8')}) LIMIT {SHOWN_ROWS}"
        ).pl()
    return event.with_metadata(
        {**event.metadata, "found": dg.MetadataValue.md(markdown_table(found))}
    )


def _outcomes(tests: DbtCliInvocation) -> Iterator[tuple[str, bool]]:
    """Yield each test by its name, and whether it passed: of those too that are no checks."""
    for one in _results(tests):
        yield one["unique_id"].split(".")[2], one["status"] == "pass"


def _results(invocation: DbtCliInvocation) -> list[dict[str, Any]]:
    """Return what dbt says of each node that it ran."""
    results: list[dict[str, Any]] = invocation.get_artifact(RESULTS)["results"]
    return results


def _shown(
    events: Sequence[Any],
    lineage: Mapping[dg.AssetKey, dg.TableColumnLineage],
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    build: MartsBuild,
) -> Iterator[Any]:
    """Yield outputs; what is to be seen of them, and their column lineage, goes to the assets.

    dagster-dbt does not know the lake to look in.
    """
    with lake.get_connection() as connection, build.connection() as inside:
        reading = Reading.of(connection, inside)
        for event in events:
            if not isinstance(event, dg.Output):
                yield event
                continue
            key = context.asset_key_for_output(event.output_name)
            descent = {"dagster/column_lineage": lineage[key]} if key in lineage else {}
            context.add_asset_metadata({**event.metadata, **shown(key, reading), **descent}, key)
            yield event.with_metadata({})
