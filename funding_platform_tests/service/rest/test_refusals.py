"""What is refused: in words, under the right status, and who may not ask at all."""

from typing import Any

import duckdb
import polars as pl
import pytest

from funding_platform.core.errors import FundingError
from funding_platform.service.problems import STATUSES
from funding_platform.settings import Settings
from funding_platform_tests.service.rest.asking import API, answered, refused
from funding_platform_tests.service.server import (
    Served,
    served,
)


@pytest.mark.parametrize(
    ("path", "status", "field", "query"),
    [
        ("/funding-rates", 422, "bsae", {"bsae": "BTC"}),
        ("/funding-rates", 404, "venue", {"venue": "binnace"}),
        ("/funding-rates/binance/BTCUSD", 404, "venue_symbol", {}),
        ("/funding-rates/compare", 422, "venue2", {"venue1": "okx", "venue2": "okx"}),
        ("/opportunities", 422, "limit", {"limit": 0}),
        ("/opportunities", 422, "sort_by", {"sort_by": "net_arp"}),
        ("/opportunities", 422, "bases", {"bases": ["BTCC"]}),
        ("/opportunities", 422, "fee_tiers", {"fee_tiers": "binance"}),
        ("/opportunities", 422, "fee_tiers", {"fee_tiers": "binance=vip_99"}),
        (
            "/history/funding-rates/okx/BTC",
            422,
            "start",
            {"start": "2025-03-02", "end": "2025-03-01"},
        ),
        ("/history/funding-rates/okx/BTC", 422, "period", {"period": "a while"}),
        ("/history/funding-rates/okx/BTC", 422, "cursor", {"cursor": "bm9uZQ=="}),
        ("/history/funding-rates/okx/NONE", 404, "symbol", {}),
        ("/curves/ETH", 422, None, {}),
        ("/curves/BTC", 404, "at", {"at": "2020-01-01"}),
        ("/curves/BTC", 422, "at", {"at": "2025-03-05", "source": "live"}),
        ("/stats/funding-rates/NONE", 404, "base", {}),
        ("/venues/nowhere", 404, None, {}),
        ("/venues/ccxt:binance", 404, None, {}),
        ("/venues/ccxt:binance/symbols", 404, "venue", {}),
        ("/backtests/none", 404, None, {}),
        ("/nothing", 404, None, {}),
    ],
)
def test_what_is_wrong_is_named(
    service: Served, path: str, status: int, field: str | None, query: dict[str, Any]
) -> None:
    problem = refused(service, path, status, **query)
    assert problem["hint"]
    if field is not None:
        assert problem["errors"][0]["field"] == field


def test_names_that_are_nearly_right_are_offered(service: Served) -> None:
    assert (
        "did you mean binance" in refused(service, "/funding-rates", 404, venue="binnace")["detail"]
    )
    assert "did you mean base" in refused(service, "/funding-rates", 422, bsae="BTC")["detail"]


def test_answers_are_bounded_in_rows(own_lake: Settings) -> None:
    with served(own_lake.model_copy(update={"service_rows": 10})) as service:
        assert "more than 10" in refused(service, "/funding-rates", 422)["detail"]
        assert answered(service, "/funding-rates", base="BTC", venue="okx")["rows"] <= 10


def test_a_question_that_takes_too_long_is_given_up(
    own_lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forever(connection: duckdb.DuckDBPyConnection, **_: object) -> pl.DataFrame:
        sql = "SELECT count(*) FROM range(1_000_000) a, range(1_000_000) b"
        return connection.execute(sql).pl()

    short = own_lake.model_copy(update={"service_seconds": 2.0, "service_readers": 1})
    with served(short) as service:
        from funding_platform.service.routes import history

        monkeypatch.setattr(history, "rate_correlations", forever)
        assert "longer than 2 s" in refused(service, "/stats/correlations", 504)["detail"]
        assert answered(service, "/curves/BTC")["rows"]  # the only reader is free again


def test_without_a_lake_one_is_told_what_to_do(tmp_path: Any) -> None:
    with served(Settings(data_dir=tmp_path, live=False)) as service:
        assert "make demo" in refused(service, "/funding-rates", 503)["hint"]
        assert service.get("/readyz").status_code == 503
        assert service.get("/healthz").text == "ok\n"
        assert answered(service, "/health")["status"] == "unhealthy"
        assert answered(service, "/venues")["snapshot"] is None


def test_large_requests_are_refused(service: Served) -> None:
    assert refused(service, "/opportunities", 414, bases=["B" * 60] * 200)["hint"]
    with service.client() as client:
        response = client.put(f"{API}/admin/venues/okx/fees", content=b"{" + b" " * 20_000)
    assert response.status_code == 413


def test_the_host_must_be_this_machine(service: Served) -> None:
    response = service.get(f"{API}/venues", headers={"Host": "rebound.example"})
    assert response.status_code == 421
    assert (
        "access-control-allow-origin"
        not in service.get(f"{API}/venues", headers={"Origin": "https://elsewhere.example"}).headers
    )


def test_pages_of_named_origins_may_read(tmp_path: Any) -> None:
    origin = "https://desk.example"
    with served(Settings(data_dir=tmp_path, live=False, service_origins=(origin,))) as service:
        for asked, allowed in ((origin, origin), ("https://elsewhere.example", None)):
            for _ in range(2):  # made, and kept
                response = service.get(f"{API}/venues", headers={"Origin": asked})
                assert response.headers.get("access-control-allow-origin") == allowed


def test_every_error_that_has_a_status_is_one_of_the_platform() -> None:
    def below(kind: type) -> set[str]:
        return {kind.__name__}.union(*(below(one) for one in kind.__subclasses__()))

    import funding_platform.arbitrage.errors
    import funding_platform.lake.errors
    import funding_platform.venues.errors  # noqa: F401

    assert set(STATUSES) <= below(FundingError)
