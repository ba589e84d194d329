"""In which form an answer comes, and how it is known again."""

import io

import msgspec
import polars as pl
from polars.testing import assert_frame_equal

from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.flows.queries import (
    open_lake,
    settled_rates,
)
from funding_platform.lake.writer import Lake
from funding_platform.service.formats import ARROW, CSV, NDJSON
from funding_platform.settings import Settings
from funding_platform_tests.service.rest.asking import API, PAST, SPAN, WINDOW, answered
from funding_platform_tests.service.server import (
    Served,
    served,
)
from funding_platform_tests.waiting import until


def test_forms_hold_the_same_rows(service: Served) -> None:
    rows = answered(service, "/opportunities", limit=20)["data"]

    def as_form(form: str) -> bytes:
        response = service.get(
            f"{API}/opportunities", params={"limit": 20}, headers={"Accept": form}
        )
        assert response.headers["content-type"].startswith(form)
        assert response.headers["funding-source"] == "lake"
        assert int(response.headers["funding-snapshot"]) > 0
        return response.content

    arrow = pl.read_ipc_stream(io.BytesIO(as_form(ARROW)))
    assert arrow.schema == OPPORTUNITIES.polars_schema
    assert msgspec.json.decode(msgspec.json.encode(arrow.to_dicts())) == rows
    lines = [msgspec.json.decode(line) for line in as_form(NDJSON).splitlines()]
    assert lines == rows
    csv = pl.read_csv(as_form(CSV), infer_schema_length=None)
    assert csv["net_apr"].to_list() == [row["net_apr"] for row in rows]
    assert csv["reasons"].fill_null("").to_list() == [" ".join(row["reasons"]) for row in rows]


def test_arrow_keeps_what_the_query_gave(service: Served) -> None:
    response = service.get(
        f"{API}{PAST}", params={"limit": 10_000, **WINDOW}, headers={"Accept": ARROW}
    )
    found = pl.read_ipc_stream(io.BytesIO(response.content))
    with open_lake(service.settings) as lake:
        assert_frame_equal(found, settled_rates(lake, "hyperliquid", "BTC", *SPAN))


def test_a_long_history_goes_out_line_by_line(service: Served) -> None:
    response = service.get(f"{API}{PAST}", params=WINDOW, headers={"Accept": NDJSON})
    whole = answered(service, PAST, limit=10_000, **WINDOW)
    assert len(response.text.splitlines()) == whole["rows"] > 200


def test_what_is_not_served_is_not_acceptable(service: Served) -> None:
    response = service.get(f"{API}/venues", headers={"Accept": "image/png"})
    assert response.status_code == 406
    assert response.json()["errors"][0]["field"] == "Accept"
    best = {"Accept": "text/csv;q=0.5, application/json;q=0.9, */*;q=0.1"}
    assert service.get(f"{API}/venues", headers=best).headers["content-type"] == "application/json"


def test_an_answer_is_known_again_by_its_tag(service: Served) -> None:
    first = service.get(f"{API}/funding-rates")
    again = service.get(f"{API}/funding-rates", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert "must-revalidate" in first.headers["cache-control"]
    other = service.get(f"{API}/funding-rates", params={"base": "BTC"})
    assert other.headers["etag"] != first.headers["etag"]
    plain = service.get(f"{API}/funding-rates", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert first.headers["content-encoding"] == "gzip"
    assert plain.json()["data"] == first.json()["data"]


def test_a_commit_is_seen_and_what_was_kept_is_told_no_more(own_lake: Settings) -> None:
    with served(own_lake) as service:
        first = service.get(f"{API}/backtests")
        with Lake(own_lake) as lake, lake.commit("more", "one bar more"):
            lake.connection.execute("DELETE FROM backtest.runs")
        known = {"If-None-Match": first.headers["etag"]}
        until(
            lambda: service.get(f"{API}/backtests", headers=known).status_code == 200,
            "the commit is seen",
        )
        again = service.get(f"{API}/backtests", headers=known)
        assert again.json()["snapshot"] > first.json()["snapshot"]
        assert (first.json()["rows"], again.json()["rows"]) == (1, 0)
