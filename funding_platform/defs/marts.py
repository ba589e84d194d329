"""The dbt project as assets: seeds, staging views and marts; dbt tests are asset checks."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets

from funding_platform.core.fee_tables import FEE_OVERRIDES
from funding_platform.core.tables import (
    COLLECTION_LOG,
    FUNDING_RATES,
    INSTRUMENTS,
    LISTINGS,
    MARKET_SNAPSHOTS,
    TABLES,
)
from funding_platform.defs.presentation import (
    OWNERS,
    definition_metadata,
    markdown_table,
    table_key,
)
from funding_platform.defs.raw import raw_key
from funding_platform.defs.resources import LakeResource
from funding_platform.flows.progress import step
from funding_platform.lake.connection import commit_lock, connect
from funding_platform.lake.dbt_plugin import dbt_environment
from funding_platform.settings import Settings, project_root
from funding_platform.venues.registry import offering

PER_VENUE = {table_key(table): table for table in (FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS)}
"""dbt sources that several assets write: one per venue."""

SHOWN_ROWS = 20

LOG = table_key(COLLECTION_LOG)
"""The dbt source that every asset of every venue writes."""


def dbt_project() -> DbtProject:
    """The dbt project with a current manifest, which says what assets there are."""
    folder = project_root() / "dbt_project"
    project = DbtProject(project_dir=folder, profiles_dir=folder)
    if not _manifest_is_current(project):
        os.environ.update(dbt_environment(Settings()))
        dbt_resource(project).cli(["parse", "--quiet"], target_path=project.target_path).wait()
    return project


def dbt_resource(project: DbtProject) -> DbtCliResource:
    """The dbt beside the running Python, whether or not the environment is activated."""
    beside = Path(sys.executable).with_name("dbt")
    return DbtCliResource(project_dir=project, dbt_executable=str(beside))


def _manifest_is_current(project: DbtProject) -> bool:
    """Whether dbt has parsed the project since its last change."""
    manifest = project.manifest_path
    if not manifest.exists():
        return False
    parsed_at = manifest.stat().st_mtime
    generated = project.project_dir / project.target_path
    sources = (
        path
        for pattern in ("*.sql", "*.yml", "*.csv")
        for path in project.project_dir.rglob(pattern)
        if generated not in path.parents
    )
    return all(path.stat().st_mtime <= parsed_at for path in sources)


class Translator(DagsterDbtTranslator):
    """Puts dbt's nodes beside ours: a source is the assets that write it."""

    def __init__(self, venues: Sequence[str]) -> None:
        super().__init__()
        self._venues = tuple(venues)

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """``<schema>/<name>``, as in SQL."""
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The schema."""
        return str(dbt_resource_props["schema"])

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """The node with per-venue sources spelled out, and the declaration's column schema."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        deps = [one for dep in spec.deps for one in self._writers(dep)]
        table = TABLES.get(".".join(spec.key.path))
        metadata = {**spec.metadata, **(definition_metadata(table) if table else {})}
        return spec.replace_attributes(deps=deps, owners=OWNERS, metadata=metadata)

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        """The test with its description, or with its name as a sentence."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None:
            return None
        described = manifest["nodes"][unique_id].get("description")
        in_words = " ".join(spec.name.replace("_", " ").split()).capitalize()
        return spec._replace(
            description=described or f"{in_words}.",
            additional_deps=[one for dep in spec.additional_deps for one in self._writers(dep)],
        )

    def _writers(self, dep: dg.AssetDep) -> list[dg.AssetDep]:
        written_by = {**PER_VENUE, table_key(LISTINGS): INSTRUMENTS}
        table = written_by.get(dep.asset_key)
        if dep.asset_key != LOG and table is None:
            return [dep]
        return [
            dg.AssetDep(raw_key(venue, one))
            for one in ([table] if table else PER_VENUE.values())
            for venue in offering(one, self._venues)
        ]


def fee_overrides_asset() -> dg.AssetSpec:
    """The dbt source that no asset writes: people do, with ``funding fees set``."""
    return dg.AssetSpec(
        table_key(FEE_OVERRIDES),
        description=FEE_OVERRIDES.description,
        group_name=FEE_OVERRIDES.schema,
        owners=OWNERS,
        kinds={"duckdb"},
        metadata=definition_metadata(FEE_OVERRIDES),
    )


def mart_assets(venues: Sequence[str], project: DbtProject) -> dg.AssetsDefinition:
    """Everything that dbt builds, in one step."""
    translator = Translator(venues)

    @dbt_assets(
        manifest=project.manifest_path,
        project=project,
        dagster_dbt_translator=translator,
        name="marts",
    )
    def marts(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, lake: LakeResource
    ) -> Iterator[Any]:
        os.environ.update(dbt_environment(lake.settings, run_id=context.run.run_id))
        connect(lake.settings, read_only=False).close()  # an older lake gains what dbt reads
        with step("dbt build"), commit_lock(lake.settings):
            # Unit tests prove the SQL, whatever the data: CI runs them, not every build.
            build = dbt.cli(["build", "--exclude-resource-type", "unit_test"], context=context)
            for event in build.stream():
                if isinstance(event, dg.Output):
                    yield _counted(event, context, lake)
                elif isinstance(event, dg.AssetCheckResult):
                    yield _explained(event, build.target_path, lake)
                else:
                    yield event

    return marts


def _explained(
    result: dg.AssetCheckResult, artefacts: Path, lake: LakeResource
) -> dg.AssetCheckResult:
    """A failed check with the first rows that its test found, which dbt only counts."""
    failed_rows = result.metadata.get("dagster_dbt/failed_row_count")
    if failed_rows is None or not failed_rows.value:  # none where the test did not run at all
        return result
    (compiled,) = (artefacts / "compiled").rglob(f"{result.check_name}.sql")
    with lake.get_connection() as connection:
        found = connection.execute(
            f"FROM ({compiled.read_text(encoding='utf-8')}) LIMIT {SHOWN_ROWS}"
        ).pl()
    return result.with_metadata(
        {**result.metadata, "found": dg.MetadataValue.md(markdown_table(found))}
    )


def _counted(output: dg.Output, context: dg.AssetExecutionContext, lake: LakeResource) -> dg.Output:
    """The output with its row count; dagster-dbt cannot count in a database in memory."""
    table = TABLES.get(".".join(context.asset_key_for_output(output.output_name).path))
    if table is None:
        return output
    with lake.get_connection() as connection:
        counted = connection.execute(f"SELECT count(*) FROM {table.full_name}").fetchone()
    rows = counted[0] if counted else 0
    return output.with_metadata({**output.metadata, "dagster/row_count": rows})
