"""A notebook as an asset: run over the lake, its verdict and picture kept with the run."""

import dagster as dg

from funding_platform.core.tables.features.store import FEATURE_STORE
from funding_platform.defs.freshness import ON_REQUEST
from funding_platform.defs.presentation import OWNERS, png_metadata, table_key
from funding_platform.defs.running.resources import LakeResource
from funding_platform.flows.notebooks import execute_notebook

REGIME_CLASSIFIER = "05_regime_classifier"


def notebook_asset() -> dg.AssetsDefinition:
    """Define the regime classifier: how the feature store is used, and whether it says anything."""

    @dg.asset(
        key=["notebooks", "regime_classifier"],
        description="Does the curve say which funding regime comes next? A classifier over the "
        "feature store, walked forward in time, beside two naive rules.",
        deps=[table_key(FEATURE_STORE)],
        group_name="notebooks",
        owners=OWNERS,
        kinds={"jupyter", "scikitlearn"},
        freshness_policy=ON_REQUEST,
    )
    def regime_classifier(lake: LakeResource) -> dg.MaterializeResult:
        executed = execute_notebook(REGIME_CLASSIFIER, lake.settings)
        return dg.MaterializeResult(
            metadata={
                "notebook": dg.MetadataValue.path(str(executed.file)),
                "verdict": dg.MetadataValue.md(executed.texts[-1]),
                **{
                    f"picture_{number}": png_metadata(png, REGIME_CLASSIFIER)
                    for number, png in enumerate(executed.pictures, start=1)
                },
            }
        )

    return regime_classifier
