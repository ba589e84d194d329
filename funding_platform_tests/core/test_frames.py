"""Frames of other libraries become Polars; what is none is refused by name."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from funding_platform.core.errors import FundingError
from funding_platform.core.frames import polars_frame
from funding_platform.core.tables.schema import UTC_TIME

RATES = pl.DataFrame(
    {
        "venue": ["okx", "okx", None],
        "funding_time": [datetime(2025, 3, day, tzinfo=UTC) for day in (1, 2, 3)],
        "funding_rate": [1e-4, None, -2e-4],
        "settlements": [3, 3, 2],
    },
    schema_overrides={"funding_time": UTC_TIME},
)

LIBRARIES: dict[str, Callable[[pl.DataFrame], Any]] = {
    "polars": lambda frame: frame,
    "pandas": lambda frame: frame.to_pandas(),
    "pandas on arrow": lambda frame: frame.to_pandas(use_pyarrow_extension_array=True),
    "arrow table": lambda frame: frame.to_arrow(),
    "arrow reader": lambda frame: pa.RecordBatchReader.from_stream(frame),
    "duckdb": lambda frame: duckdb.sql("SET TimeZone = 'UTC'") or duckdb.sql("FROM frame"),
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_frame_of_any_library_is_the_same_frame(library: str) -> None:
    found = polars_frame("rates", LIBRARIES[library](RATES), FundingError)
    assert_frame_equal(found.cast({"funding_time": UTC_TIME}), RATES)


def test_a_frame_of_polars_is_not_copied() -> None:
    assert polars_frame("rates", RATES, FundingError) is RATES


def test_a_nan_of_pandas_is_absent() -> None:
    given = pd.DataFrame({"rate": [1.0, float("nan")]})
    assert polars_frame("rates", given, FundingError)["rate"].to_list() == [1.0, None]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (RATES.lazy(), r"polars\.LazyFrame"),
        (pd.Series([1.0]), r"pandas\.Series"),
        ({"rate": [1.0]}, "dict"),
        (None, "NoneType"),
    ],
)
def test_anything_else_is_refused_by_name(given: Any, kind: str) -> None:
    with pytest.raises(FundingError, match=rf"rates is a {kind}, not a frame\n.*LazyFrame"):
        polars_frame("rates", given, FundingError)
