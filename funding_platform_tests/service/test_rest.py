"""Answers over a socket: what they hold, in which form, for how long; and what is refused."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import msgspec
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from prometheus_client.parser import text_string_to_metric_families

from funding_platform.arbitrage import OpportunityFilter
from funding_platform.core.errors import FundingError
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.flows.live.latest import PAIRS, STALE_AFTER, STRIPS
from funding_platform.flows.queries import (
    latest_curves,
    open_lake,
    ranked_opportunities,
    settled_rates,
)
from funding_platform.lake.writer import Lake
from funding_platform.service.formats import ARROW, CSV, NDJSON
from funding_platform.service.problems import STATUSES
from funding_platform.settings import Settings
from funding_platform.telemetry.declared import GROUPS, SERVICE_REDIS_FAILURES
from funding_platform_tests.service.lake import CANDLES, END
from funding_platform_tests.service.server import (
    Served,
    hand_out,
    hand_out_frame,
    served,
)

API = "/api/v1"
WINDOW = {"start": "2025-03-01", "end": "2025-03-11"}
PAST = f"{API}/history/funding-rates/hyperliquid/BTC"


def answered(service: Served, path: str, **query: Any) -> dict[str, Any]:
    response = service.get(f"{API}{path}", params=query)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def refused(service: Served, path: str, status: int, **query: Any) -> dict[str, Any]:
    response = service.get(f"{API}{path}", params=query)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["detail"]
    return problem


def test_rates_of_the_lake_say_so(service: Served) -> None:
    told = answered(service, "/funding-rates", base="BTC")
    assert (told["source"], told["next_cursor"]) == ("lake", None)
    assert isinstance(told["snapshot"], int)
    assert told["data_age_seconds"] > 0
    assert {row["base"] for row in told["data"]} == {"BTC"}
    assert told["rows"] == len(told["data"])
    seen = [row for row in told["data"] if row["predicted_rate"] is not None]
    assert seen
    for row in seen:
        if (hours := row["predicted_interval_hours"]) is not None:
            assert row["predicted_rate_8h"] == pytest.approx(row["predicted_rate"] * 8 / hours)
    assert any(row["predicted_rate"] is None for row in answered(service, "/funding-rates")["data"])


def test_rates_of_the_board_are_taken_while_it_is_fresh(own_lake: Settings) -> None:
    hand_out(own_lake, 8e-4)
    with served(own_lake) as service:
        told = answered(service, "/funding-rates")
        assert told["source"] == "live"
        assert told["data_age_seconds"] < 60
        rates = {row["venue"]: row for row in told["data"]}
        assert rates["hyperliquid"]["predicted_rate_8h"] == pytest.approx(8e-4)
        assert rates["hyperliquid"]["open_interest_usd"] is None
        assert rates["binance"]["settled_rate"] is not None  # the lake's, beside it
        assert answered(service, "/funding-rates", source="lake")["source"] == "lake"
        one = answered(service, "/funding-rates/hyperliquid/BTC", include_metadata=True)["data"]
        assert (one["status"], one["predicted_rate"]) == ("trading", 1e-4)
        health = answered(service, "/health")
        assert {row["live_source"] for row in health["data"]} == {"stream", None}
        hand_out(own_lake, 8e-4, at=datetime.now(UTC) - 2 * STALE_AFTER)
        refused(service, "/curves/BTC", 503, source="live")
        assert eventually(service, "source", "lake")


def test_pairs_of_the_board_pass_the_same_filter(own_lake: Settings) -> None:
    wanted = OpportunityFilter(limit=100_000)
    with open_lake(own_lake) as lake:
        pairs = ranked_opportunities(lake, wanted)
    hand_out_frame(own_lake, PAIRS, pairs)
    with served(own_lake) as service:
        query = {"bases": ["BTC", "ETH"], "min_net_apr": -2, "limit": 7, "fee_mode": "maker"}
        live = answered(service, "/opportunities", **query)
        stored = answered(service, "/opportunities", source="lake", **query)
        assert (live["source"], stored["source"]) == ("live", "lake")
        assert live["data"] == stored["data"]
        assert live["rows"] == 7
        assert (
            answered(service, "/opportunities/best")["data"]
            == answered(service, "/opportunities/best", source="lake")["data"]
        )


def test_curves_of_the_board_stand_for_those_that_have_moved(own_lake: Settings) -> None:
    with open_lake(own_lake) as lake:
        stored = latest_curves(lake, "BTC")
    later = stored.head(2).with_columns(
        kind=pl.lit("live"), as_of=pl.col("as_of") + timedelta(hours=4), b0=pl.lit(9.0)
    )
    hand_out_frame(own_lake, STRIPS, later)
    with served(own_lake) as service:
        told = answered(service, "/curves/BTC")
        assert (told["source"], told["rows"]) == ("live", stored.height)
        assert [row["venue"] for row in told["data"] if row["b0"] == 9.0] == [*later["venue"]]
        long_after = later.with_columns(as_of=pl.col("as_of") + timedelta(days=300))
        hand_out_frame(own_lake, STRIPS, long_after)
        for _ in range(1_000):
            if (told := answered(service, "/curves/BTC"))["rows"] == 2:
                break
        assert {row["b0"] for row in told["data"]} == {9.0}  # the others are of another time
        hand_out_frame(own_lake, STRIPS, later.with_columns(venue_symbol=pl.lit("ELSE")))
        for _ in range(1_000):
            if (told := answered(service, "/curves/BTC"))["source"] == "lake":
                break
        assert told["rows"] == stored.height


def eventually(service: Served, name: str, value: object) -> bool:
    return any(answered(service, "/funding-rates")[name] == value for _ in range(1_000))


def test_opportunities_are_those_of_the_query(service: Served) -> None:
    told = answered(service, "/opportunities", limit=5, fee_tiers="binance=base", horizon="1d")
    with open_lake(service.settings) as lake:
        wanted = OpportunityFilter(limit=5, fee_tiers={"binance": "base"}, horizon="1d")
        expected = ranked_opportunities(lake, wanted)
    assert told["data"] == msgspec.json.decode(msgspec.json.encode(expected.to_dicts()))
    of_base = answered(service, "/opportunities/symbol/ETH", limit=100)
    assert {row["base"] for row in of_base["data"]} == {"ETH"}
    two = answered(service, "/opportunities/compare", venue1="binance", venue2="bybit")
    assert all(row["first_symbol"] and row["second_symbol"] for row in two["data"])


def test_two_venues_are_compared_by_their_rates(service: Served) -> None:
    there = answered(service, "/funding-rates/compare", venue1="binance", venue2="okx", base="BTC")
    back = answered(service, "/funding-rates/compare", venue1="okx", venue2="binance", base="BTC")
    differences = [row["difference_8h"] for row in there["data"]]
    assert differences == [
        None if row["difference_8h"] is None else -row["difference_8h"] for row in back["data"]
    ]
    assert differences


def test_pages_of_the_past_make_the_whole(service: Served) -> None:
    cursor, rows, pages = None, [], 0
    while True:
        page = answered(service, PAST[len(API) :], limit=50, **WINDOW, **_after(cursor))
        rows += page["data"]
        pages += 1
        if (cursor := page["next_cursor"]) is None:
            break
    with open_lake(service.settings) as lake:
        start, end = (datetime.fromisoformat(f"{day}T00:00Z") for day in WINDOW.values())
        expected = settled_rates(lake, "hyperliquid", "BTC", start, end)
    assert pages > 2
    assert rows == msgspec.json.decode(msgspec.json.encode(expected.to_dicts()))


def _after(cursor: str | None) -> dict[str, str]:
    return {} if cursor is None else {"cursor": cursor}


def test_no_bucket_multiplies_funding(service: Served) -> None:
    paid = {}
    for interval in ("1h", "4h", "8h", "1d"):
        told = answered(
            service, "/history/funding-rates/binance/BTC", interval=interval, limit=10_000, **WINDOW
        )
        paid[interval] = sum(row["funding_rate"] for row in told["data"])
        assert {row["resolution_hours"] for row in told["data"]} == {
            {"1h": 1, "4h": 4, "8h": 8, "1d": 24}[interval]
        }
    assert paid["4h"] == pytest.approx(paid["1h"])
    assert paid["8h"] == pytest.approx(paid["1h"])
    assert paid["1d"] == pytest.approx(paid["1h"], rel=0.2)  # its last day has not ended


def test_statistics_of_a_window_are_those_of_its_settlements(service: Served) -> None:
    told = answered(service, PAST[len(API) :], statistics=True, limit=10_000, **WINDOW)
    rates = pl.Series([row["funding_rate"] for row in told["data"]])
    found = told["statistics"]
    assert found["settlements"] == len(rates)
    assert found["funding_paid"] == pytest.approx(rates.sum())
    assert found["share_positive"] == pytest.approx((rates > 0).mean())
    assert found["mean_apr"] == pytest.approx(rates.sum() / len(rates) * 8_760)  # it is hourly


def test_the_rest_of_the_past_is_told(service: Served) -> None:
    bars = answered(service, "/history/candles/binance/BTC", limit=CANDLES, **WINDOW)
    assert bars["rows"] == CANDLES
    pairs = answered(service, "/history/opportunities", base="BTC", **WINDOW)
    assert {row["base"] for row in pairs["data"]} == {"BTC"}
    first = answered(service, "/history/opportunities", base="BTC", limit=3, **WINDOW)
    rest = answered(
        service, "/history/opportunities", base="BTC", cursor=first["next_cursor"], **WINDOW
    )
    assert first["data"] + rest["data"] == pairs["data"]
    assert answered(service, "/stats/funding-rates/BTC", period="30d")["rows"] > 3
    assert answered(service, "/stats/correlations", base="BTC", limit=2)["rows"] == 2
    assert answered(service, "/curves/BTC")["rows"] > 3
    once = answered(service, "/curves/BTC", at="2025-03-05T04:00")
    assert once["source"] == "lake"
    assert {row["as_of"][:10] for row in once["data"]} <= {"2025-03-04", "2025-03-05"}


def test_features_are_known_at_an_instant_and_not_before(service: Served) -> None:
    known = answered(service, "/features/hyperliquid/BTC", at=f"{END:%Y-%m-%dT%H:%M}")["data"]
    assert datetime.fromisoformat(known["available_at"]) <= END
    problem = refused(service, "/features/hyperliquid/BTC", 404, at="2024-01-01")
    assert problem["errors"][0]["field"] == "at"


def test_a_prediction_comes_with_its_accuracy(service: Served) -> None:
    told = answered(service, "/predictions/funding-rate/hyperliquid/BTC")["data"]
    assert told["method"] == "venue"
    assert told["predicted_rate_8h"] == pytest.approx(told["predicted_rate"] * 8)
    assert {f"lead_{lead}h_mean_absolute_error_bps" for lead in (1, 4, 8)} <= told.keys()


def test_venues_are_told_by_both_names(service: Served) -> None:
    assert answered(service, "/venues")["data"] == answered(service, "/dexes")["data"]
    assert answered(service, "/venues/okx")["data"]["title"] == "OKX"
    listed = answered(service, "/venues/okx/symbols", status="delisted")
    assert [row["venue_symbol"] for row in listed["data"]] == ["BTC-OLD"]
    assert answered(service, "/fees", venue="okx")["data"][0]["taker_bps"] == 5.0


def test_backtests_are_told_with_their_reports(service: Served) -> None:
    (run,) = answered(service, "/backtests")["data"]
    assert answered(service, "/backtests/latest")["data"]["run_id"] == run["run_id"]
    page = service.get(f"{API}/backtests/{run['run_id']}/report")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert run["run_id"] in page.text


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


def test_a_long_history_goes_out_line_by_line(service: Served) -> None:
    response = service.get(PAST, params=WINDOW, headers={"Accept": NDJSON})
    whole = answered(service, PAST[len(API) :], limit=10_000, **WINDOW)
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
        for _ in range(1_000):
            again = service.get(
                f"{API}/backtests", headers={"If-None-Match": first.headers["etag"]}
            )
            if again.status_code == 200:
                break
        assert again.json()["snapshot"] > first.json()["snapshot"]
        assert (first.json()["rows"], again.json()["rows"]) == (1, 0)


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


def test_supervisors_and_monitoring_are_answered(service: Served) -> None:
    assert service.get("/readyz").text == "ready\n"
    text = service.get("/metrics").text
    figures = answered_figures(service)
    for name in ("funding_breaker_state", "funding_service_cache_hit_ratio", "funding_lake_bytes"):
        assert name in figures
        assert f"\n{name}" in text
    assert 'funding_lake_table_files{table="core.funding_rates"}' in text


def test_every_metric_of_the_service_is_told_as_declared(service: Served) -> None:
    service.get("/healthz")
    text = service.get("/metrics").text
    kinds = {one.name: one.type for one in text_string_to_metric_families(text)}
    for metric in GROUPS["service"]:
        if metric is SERVICE_REDIS_FAILURES:
            continue  # told where there is one
        assert kinds[metric.name.removesuffix("_total")] == metric.kind
    seconds = {
        sample["labels"]["le"]: sample["value"]
        for sample in answered_figures(service)["funding_service_answer_seconds_bucket"]["series"]
    }
    assert seconds["+Inf"] >= max(seconds.values())
    assert seconds["+Inf"] > 0


def answered_figures(service: Served) -> dict[str, Any]:
    found: dict[str, Any] = service.get(f"{API}/metrics").json()
    return found


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


def test_large_requests_are_refused(service: Served) -> None:
    assert refused(service, "/opportunities", 414, bases=["B" * 60] * 200)["hint"]
    with service.client() as client:
        response = client.put(f"{API}/admin/venues/okx/fees", content=b"{" + b" " * 20_000)
    assert response.status_code == 413


def test_arrow_keeps_what_the_query_gave(service: Served) -> None:
    response = service.get(PAST, params={"limit": 10_000, **WINDOW}, headers={"Accept": ARROW})
    found = pl.read_ipc_stream(io.BytesIO(response.content))
    with open_lake(service.settings) as lake:
        start, end = (datetime.fromisoformat(f"{day}T00:00Z") for day in WINDOW.values())
        assert_frame_equal(found, settled_rates(lake, "hyperliquid", "BTC", start, end))
