"""Where machines share what they know of venues, by the settings."""

from typing import Any

import pytest

from funding_platform.settings import Settings

CLUSTER = {"lake_profile": "cluster", "data_url": "s3://bucket/lake"}
CATALOG = "postgresql://funding@db/lake"


@pytest.mark.parametrize(
    ("stated", "found"),
    [
        ({}, None),
        ({"state_url": "postgresql://other/x"}, "postgresql://other/x"),
        ({**CLUSTER, "catalog_url": CATALOG}, CATALOG),
        ({**CLUSTER, "catalog_url": f"{CATALOG}?schema=mine"}, CATALOG),
        (
            {**CLUSTER, "catalog_url": f"{CATALOG}?schema=mine&sslmode=require"},
            f"{CATALOG}?sslmode=require",
        ),
        ({**CLUSTER, "catalog_url": CATALOG, "state_url": "postgresql://o/x"}, "postgresql://o/x"),
    ],
)
def test_it_is_the_catalogs_database_unless_another_is_named(
    stated: dict[str, Any], found: str | None
) -> None:
    assert Settings(**stated).shared_state == found
