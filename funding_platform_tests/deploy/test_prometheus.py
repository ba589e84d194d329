"""Prometheus' rules and Grafana's dashboards: tested by promtool, and held to what is exported."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from funding_platform.devtools.dashboards.declared import DASHBOARDS
from funding_platform.telemetry.declared import GROUPS
from funding_platform_tests.checkout import ROOT
from funding_platform_tests.deploy.commands import understood

FOLDER = ROOT / "deploy" / "prometheus"
RULES = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
EXPORTED = {metric.name: metric for metrics in GROUPS.values() for metric in metrics}
OF_PROMETHEUS = {"job", "instance"}
METRIC = re.compile(r"\bfunding_\w+")

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool")


def promtool(*words: str) -> str:
    done = subprocess.run(
        ["promtool", *words], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def base_of(name: str) -> str:
    """Return the declared metric that a series is of."""
    return name if name in EXPORTED else re.sub(r"_(bucket|sum|count)$", "", name)


def expressions() -> Iterator[tuple[str, str]]:
    """Yield every query of rules and dashboards, with what it is of."""
    for name, rule in ALERTS.items():
        yield name, rule["expr"]
    for dashboard in DASHBOARDS:
        for query in dashboard.expressions():
            yield dashboard.name, query
        for query in dashboard.variables.values():
            yield dashboard.name, query


@needs_promtool
def test_the_configuration_is_one() -> None:
    promtool("check", "config", "--syntax-only", "prometheus.yml")


@pytest.mark.world
@needs_promtool
def test_each_rule_is_silent_and_then_speaks() -> None:
    promtool("check", "rules", "rules.yml")
    promtool("test", "rules", "rules_test.yml")


def test_each_rule_has_a_test_of_both() -> None:
    tests = yaml.safe_load((FOLDER / "rules_test.yml").read_text(encoding="utf-8"))["tests"]
    heard = {
        (case["alertname"], bool(case["exp_alerts"]))
        for one in tests
        for case in one["alert_rule_test"]
    }
    assert heard == {(name, speaks) for name in ALERTS for speaks in (False, True)}


@needs_promtool
def test_every_query_of_a_dashboard_parses(tmp_path: Path) -> None:
    """Each is made a recording rule, whose expression promtool reads."""
    queries = [query for dashboard in DASHBOARDS for query in dashboard.expressions()]
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(queries)
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", str(file))


def test_every_metric_that_is_named_is_exported() -> None:
    named = [(where, name) for where, query in expressions() for name in METRIC.findall(query)]
    assert [one for one in named if base_of(one[1]) not in EXPORTED] == []


def test_labels_that_are_named_are_those_of_the_metric() -> None:
    for where, query in expressions():
        for name, matchers in re.findall(r"\b(funding_\w+)\{([^}]*)\}", query):
            known = {*EXPORTED[base_of(name)].labels, *OF_PROMETHEUS, "le"}
            assert set(re.findall(r"(\w+)\s*=", matchers)) <= known, f"{where}: {query}"


def test_each_part_of_the_platform_is_on_a_dashboard() -> None:
    shown = {
        base_of(name)
        for dashboard in DASHBOARDS
        for query in dashboard.expressions()
        for name in METRIC.findall(query)
    }
    assert sorted(set(EXPORTED) - shown) == []


def test_dashboards_are_what_grafana_reads() -> None:
    assert len({dashboard.name for dashboard in DASHBOARDS}) == len(DASHBOARDS)
    for dashboard in DASHBOARDS:
        text = (ROOT / "deploy" / "grafana" / f"{dashboard.name}.json").read_text()
        panels = [one for one in json.loads(text)["panels"] if one["type"] != "row"]
        places = [tuple(one["gridPos"][side] for side in "xywh") for one in panels]
        for number, (x, y, w, h) in enumerate(places):
            assert x + w <= 24
            for x2, y2, w2, h2 in places[number + 1 :]:
                apart = x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
                assert apart, f"{dashboard.name}: panels lie on one another"


def test_what_an_alert_tells_to_do_can_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    told = " ".join(rule["annotations"]["todo"] for rule in ALERTS.values())
    commands = re.findall(r"`(funding [^`]+)`", told)
    assert commands
    for command in commands:
        try:
            understood(shlex.split(command))
        except click.MissingParameter:
            continue  # which pair, say, is for whoever reads it
    for page in re.findall(r"docs/\w+\.md", told):
        assert (ROOT / page).is_file()


def test_the_guide_counts_the_alerts() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    assert f"`rules.yml` has {len(ALERTS)} alerts" in page
