"""The reference of all metrics, for people: ``docs/metrics.md``, from their declarations."""

from funding_platform.telemetry.declared import GROUPS
from funding_platform.telemetry.metrics import Declared

_TITLES = {
    "collection": "Collecting",
    "lake": "The lake and its data",
    "live": "Streams",
    "market": "The market",
    "execution": "Trading",
    "alerts": "Alerts",
    "orchestration": "Dagster",
    "service": "The service",
}
_TEXT = """\
# Metrics

<!-- {origin} -->

`funding metrics` prints what Prometheus reads, and `funding metrics --serve` answers it at
`http://127.0.0.1:9464/metrics`, asked anew each time, those of the service left out. The
[service](service.md) tells its own and all others but Dagster's at `/metrics`, and as JSON at
`/api/v1/metrics`. What is not known has no series. Labels have few values: venues, tables, states,
jobs; the market is that of `FUNDING_ALERT_BASES`.

Rules and dashboards for them are in `deploy/prometheus` and `deploy/grafana`;
[Deployment](deployment.md#watching-it) says how they are put to use.
"""


def metrics_markdown(origin: str) -> str:
    """Write the page.

    Parameters
    ----------
    origin
        Says that it is generated, and by what.
    """
    parts = [_TEXT.format(origin=origin).rstrip()]
    for group, metrics in GROUPS.items():
        rows = "\n".join(map(_row, metrics))
        table = f"| metric | kind | labels | meaning |\n| --- | --- | --- | --- |\n{rows}"
        parts += [f"## {_TITLES[group]}", table]
    return "\n\n".join(parts) + "\n"


def _row(metric: Declared) -> str:
    labels = ", ".join(metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.description} |"
