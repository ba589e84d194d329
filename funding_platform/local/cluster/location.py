"""The jobs of the platform, and nothing that starts one by itself: who runs them here asks."""

import dagster as dg

from funding_platform.defs.assembly import build_definitions


def _without_automation(platform: dg.Definitions) -> dg.Definitions:
    return dg.Definitions(
        assets=platform.assets,
        asset_checks=platform.asset_checks,
        jobs=platform.jobs,
        resources=platform.resources,
        executor=platform.executor,
    )


defs = _without_automation(build_definitions())
