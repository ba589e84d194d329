"""The published DuckDB file as an asset, last in line."""

import dagster as dg

from funding_platform.core.tables.features.store import FEATURE_STORE
from funding_platform.core.tables.registry import TABLES
from funding_platform.defs.freshness import BUILT_HOURLY
from funding_platform.defs.presentation import OWNERS, table_key
from funding_platform.defs.running.resources import LakeResource, PublishedFileResource
from funding_platform.flows.progress import step
from funding_platform.lake.publish import UNPUBLISHED, publish
from funding_platform.lake.schema import CREATED_BY_DBT

PUBLISHED_KEY = dg.AssetKey(["published", "funding_duckdb"])


def published_asset() -> dg.AssetsDefinition:
    """Define the file, written after everything else."""

    @dg.asset(
        key=PUBLISHED_KEY,
        description="A plain DuckDB file with every table of the lake, built aside and renamed "
        "into place: `duckdb data/funding.duckdb` works for anyone.",
        deps=[
            table_key(FEATURE_STORE),
            *(
                table_key(table)
                for table in TABLES.values()
                if table.schema in CREATED_BY_DBT and table.full_name not in UNPUBLISHED
            ),
        ],
        group_name="published",
        owners=OWNERS,
        kinds={"duckdb"},
        freshness_policy=BUILT_HOURLY,
    )
    def funding_duckdb(lake: LakeResource) -> dg.MaterializeResult:
        with step("publish"):
            rows = publish(lake.settings)
        listing = "\n".join(f"| {name} | {count:,} |" for name, count in rows.items())
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(rows.values()),
                "file": dg.MetadataValue.path(str(lake.settings.published_file)),
                "tables": dg.MetadataValue.md(f"| table | rows |\n|---|---|\n{listing}"),
            }
        )

    return funding_duckdb


def published_check() -> dg.AssetChecksDefinition:
    """Define the check that opens the file as a stranger would."""

    @dg.asset_check(asset=PUBLISHED_KEY, description="The file opens and holds settled rates.")
    def readable(published: PublishedFileResource) -> dg.AssetCheckResult:
        with published.get_connection() as connection:
            counted = connection.execute("SELECT count(*) FROM core.funding_rates").fetchone()
        rows = counted[0] if counted else 0
        return dg.AssetCheckResult(passed=rows > 0, metadata={"funding_rates": rows})

    return readable
