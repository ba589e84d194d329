"""Computed assets: their dependencies and partition mappings are those of the tables' inputs."""

from dataclasses import replace
from datetime import timedelta

import dagster as dg
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.features.curves import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.tables.features.pca import PCA_MODELS
from funding_platform.core.tables.schema import Table
from funding_platform.defs.assets.features import feature_asset
from funding_platform.flows.features.computed import ComputedTable, Input
from funding_platform.flows.features.tables import COMPUTED

VENUES = ["binance", "coingecko"]
"""The second has neither settlements nor instruments."""


def months_before(number: int) -> dg.TimeWindowPartitionMapping:
    return dg.TimeWindowPartitionMapping(
        start_offset=-number, allow_nonexistent_upstream_partitions=True
    )


def dependencies(computed: ComputedTable) -> dict[str, dg.PartitionMapping | None]:
    (spec,) = feature_asset(computed, VENUES).specs
    return {dep.asset_key.to_user_string(): dep.partition_mapping for dep in spec.deps}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            Input(FUNDING_RATES, "funding_time", timedelta(hours=64)),
            {"raw/binance/funding_rates": months_before(1)},
        ),
        (
            Input(FUNDING_RATES, "funding_time"),
            {"raw/binance/funding_rates": months_before(0)},
        ),
        (
            Input(MARKET_SNAPSHOTS, "snapshot_hour", timedelta(hours=9)),
            {f"raw/{venue}/market_snapshots": months_before(0) for venue in VENUES},
        ),
        (
            Input(INSTRUMENTS, None),
            {"raw/binance/instruments": months_before(0)},
        ),
        (
            Input(PCA_MODELS, "window_end", timedelta(days=90)),
            {"features/pca_models": months_before(3)},
        ),
        (Input(CURVE_FACTORS, "as_of"), {"features/curve_factors": None}),
    ],
)
def test_an_input_more_is_a_dependency_more(
    source: Input, expected: dict[str, dg.PartitionMapping | None]
) -> None:
    computed = replace(COMPUTED[0], inputs=())
    assert dependencies(computed) == {}
    assert dependencies(replace(computed, inputs=(source,))) == expected


@pytest.mark.parametrize(
    ("table", "months"), [(CURVE_SNAPSHOTS, 1), (CURVE_FACTORS, 1), (PCA_MODELS, 3)]
)
def test_how_many_months_before_are_read(table: Table, months: int) -> None:
    (computed,) = (one for one in COMPUTED if one.table is table)
    mappings = dependencies(computed).values()
    assert months_before(months) in mappings
    assert all(mapping in (months_before(months), months_before(0)) for mapping in mappings)
