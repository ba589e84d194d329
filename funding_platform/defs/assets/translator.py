"""What dbt's nodes are among the assets: their keys, groups, prose, checks and lineage."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliInvocation,
    DbtProject,
)

from funding_platform.core.tables.collected import COLLECTION_LOG, INSTRUMENTS, LISTINGS
from funding_platform.core.tables.live import LIVE_RATES
from funding_platform.core.tables.registry import TABLES
from funding_platform.defs.assets.column_lineage import column_lineage
from funding_platform.defs.assets.live import RATES_KEY
from funding_platform.defs.assets.raw import HISTORIES, raw_key
from funding_platform.defs.freshness import BUILT_HOURLY
from funding_platform.defs.partitions import BY_THE_HOUR
from funding_platform.defs.presentation import OWNERS, definition_metadata, table_key
from funding_platform.lake.marts.build import OF_THE_BUILD
from funding_platform.venues.registry import offering

PER_VENUE = {table_key(table): table for table in (*BY_THE_HOUR, *HISTORIES)}
"""dbt sources that several assets write: one per venue."""

LOG = table_key(COLLECTION_LOG)
"""The dbt source that every asset of every venue writes."""


class Translator(DagsterDbtTranslator):
    """Puts dbt's nodes beside ours: a source is the assets that write it."""

    def __init__(self, venues: Sequence[str]) -> None:
        super().__init__(settings=DagsterDbtTranslatorSettings(enable_code_references=True))
        self._venues = tuple(venues)

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Return ``<schema>/<name>``, as in SQL."""
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return the schema; what is of a build alone goes with what marts share."""
        schema = str(dbt_resource_props["schema"])
        return "intermediate" if schema == OF_THE_BUILD else schema

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return the prose of the model; its SQL is a click away, in the file that it stands in."""
        return str(dbt_resource_props.get("description") or "")

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """Describe the node, its per-venue sources spelled out, with the declaration's columns."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        deps = [one for dep in spec.deps for one in self._writers(dep)]
        table = TABLES.get(".".join(spec.key.path))
        metadata = {**spec.metadata, **(definition_metadata(table) if table else {})}
        return spec.replace_attributes(
            deps=deps, owners=OWNERS, metadata=metadata, freshness_policy=BUILT_HOURLY
        )

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        """Describe the test by its description, or by its name as a sentence."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None:
            return None
        described = manifest["nodes"][unique_id].get("description")
        in_words = " ".join(spec.name.replace("_", " ").split()).capitalize()
        return spec._replace(
            blocking=False,  # what is sound is published, whatever else a test finds
            description=described or f"{in_words}.",
            additional_deps=[one for dep in spec.additional_deps for one in self._writers(dep)],
        )

    def lineage(
        self, models: DbtCliInvocation, project: DbtProject
    ) -> dict[dg.AssetKey, dg.TableColumnLineage]:
        """Return what the columns of the models are made of that were compiled."""
        manifest = models.manifest
        found = column_lineage(
            manifest,
            compiled=models.target_path / "compiled",
            kept_in=project.project_dir / project.target_path,
            writers=lambda node: [
                dep.asset_key for dep in self._writers(dg.AssetDep(self.get_asset_key(node)))
            ],
        )
        return {self.get_asset_key(manifest["nodes"][name]): one for name, one in found.items()}

    def _writers(self, dep: dg.AssetDep) -> list[dg.AssetDep]:
        if dep.asset_key == table_key(LIVE_RATES):
            return [dg.AssetDep(RATES_KEY)]
        written_by = {**PER_VENUE, table_key(LISTINGS): INSTRUMENTS}
        table = written_by.get(dep.asset_key)
        if dep.asset_key != LOG and table is None:
            return [dep]
        return [
            dg.AssetDep(raw_key(venue, one))
            for one in ([table] if table else PER_VENUE.values())
            for venue in offering(one, self._venues)
        ]
