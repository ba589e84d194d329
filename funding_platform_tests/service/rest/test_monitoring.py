"""What supervisors and Prometheus ask for."""

from prometheus_client.parser import text_string_to_metric_families

from funding_platform.telemetry.declared import GROUPS, SERVICE_REDIS_FAILURES
from funding_platform_tests.service.server import Served


def test_supervisors_and_monitoring_are_answered(service: Served) -> None:
    assert service.get("/readyz").text == "ready\n"
    text = service.get("/metrics").text
    figures = service.figures()
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
        for sample in service.figures()["funding_service_answer_seconds_bucket"]["series"]
    }
    assert seconds["+Inf"] >= max(seconds.values())
    assert seconds["+Inf"] > 0
