"""Answers have the declared columns and types; what cannot be answered is an error of the lake."""

from datetime import UTC, datetime

import duckdb
import polars as pl
import pytest

from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.flows.queries.connection import answer
from funding_platform.lake.errors import LakeError

SCHEMA = pl.Schema({"venue": pl.String(), "rows": pl.Int64(), "at": UTC_TIME, "new": pl.Float64()})


def test_an_answer_is_as_declared_whatever_the_database_says() -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
        found = answer(
            connection,
            SCHEMA,
            "SELECT TIMESTAMPTZ '2025-03-01 00:00:00+00' AS at, 3::TINYINT AS rows, $v AS venue, 1",
            {"v": "okx"},
        )
    assert found.schema == SCHEMA
    assert found.rows() == [("okx", 3, datetime(2025, 3, 1, tzinfo=UTC), None)]


def test_what_the_database_refuses_is_an_error_of_the_lake() -> None:
    with duckdb.connect() as connection, pytest.raises(LakeError, match="nowhere"):
        answer(connection, SCHEMA, "FROM nowhere")
