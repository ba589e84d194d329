"""What OpenAPI says is so: of every example, and of whatever else is asked."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from funding_platform.arbitrage import OpportunityFilter
from funding_platform_tests.checkout import ROOT
from funding_platform_tests.service.server import Served

STREAM = "/api/v1/stream"
WEBHOOKS = "/api/v1/webhooks"
"""They take a key; ``webhooks`` has their tests."""

ALSO = ("/healthz", "/readyz", "/metrics", "/api/v1/openapi.json")
"""Paths that OpenAPI leaves out."""


@pytest.fixture(scope="module")
def document(service: Served) -> dict[str, Any]:
    found: dict[str, Any] = service.get("/api/v1/openapi.json").json()
    return found


@pytest.fixture(scope="module")
def client(service: Served) -> Iterator[httpx.Client]:
    with service.client() as opened:
        yield opened


def operations(document: dict[str, Any], method: str = "get") -> dict[str, dict[str, Any]]:
    return {path: found[method] for path, found in document["paths"].items() if method in found}


def filled(path: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda name: quote(values[name[1]], safe=""), path)


def examples(operation: dict[str, Any], where: str) -> dict[str, str]:
    return {
        parameter["name"]: parameter["schema"]["examples"][0]
        for parameter in operation.get("parameters", ())
        if parameter["in"] == where and "examples" in parameter["schema"]
    }


def test_every_example_is_answered_as_declared(service: Served, document: dict[str, Any]) -> None:
    answered = {
        path: operation
        for path, operation in operations(document).items()
        if path != STREAM and not path.startswith(WEBHOOKS)  # it has no end; they take a key
    }
    for path, operation in answered.items():
        where = filled(path, examples(operation, "path"))
        response = service.get(where, params=examples(operation, "query"))
        assert response.status_code == 200, (where, response.text)
        (media, *_) = operation["responses"]["200"]["content"].items()
        form, declared = media
        if form == "application/json":
            faults = [*Draft202012Validator(declared["schema"]).iter_errors(response.json())]
            assert not faults, (where, faults[0].message, faults[0].json_path)


def test_every_parameter_of_the_filter_is_one_of_the_service(document: dict[str, Any]) -> None:
    for path in ("/api/v1/opportunities", "/api/v1/opportunities/best"):
        parameters = {one["name"]: one for one in operations(document)[path]["parameters"]}
        assert set(parameters) == {"source", *OpportunityFilter.model_fields}
        for name, field in OpportunityFilter.model_fields.items():
            told = parameters[name]["description"]
            assert told.startswith(str(field.description).removesuffix("."))


def test_every_field_says_what_it_is(document: dict[str, Any]) -> None:
    for path, operation in operations(document).items():
        assert operation["summary"]
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], (path, parameter["name"])
        content = operation["responses"]["200"]["content"]
        schema = content.get("application/json", {}).get("schema", {})
        row = schema.get("properties", {}).get("data", {})
        for name, field in row.get("items", row).get("properties", {}).items():
            assert field["description"], (path, name)
            if name.endswith(("_bps", "_apr", "_8h", "_usd", "_hours")):
                assert "Unit: " in field["description"], (path, name)


def test_every_endpoint_is_in_the_page(document: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(GET|PUT|POST|DELETE) (/\S+?)` \|", page, re.M))
    there = {
        (method.upper(), path) for path, found in document["paths"].items() for method in found
    }
    assert listed == there | {("GET", path) for path in ALSO}


WORDS = st.sampled_from(
    [
        *("BTC", "ETH", "okx", "binance", "hyperliquid", "latest", "trading", "live", "lake"),
        *("mark", "settled", "7d", "1d", "30d", "1h", "2025-03-01", "2025-03-01T00:00+09:00"),
        *("0", "-1", "1e309", "nan", "true", "9999-12-31", "0001-01-01", "9" * 30, "", " ", ".."),
        *("binance=base", "=", "%", "'; DROP TABLE x; --", "\x00", "\u202e", "\u00e9" * 70),
        "WyIyMDI1LTAzLTAxVDAyOjAwOjAxWiJd",
    ]
)
TEXT = WORDS | st.text(max_size=8)


@given(data=st.data())
@settings(max_examples=400)
def test_whatever_is_asked_has_an_answer_that_is_declared(
    client: httpx.Client, document: dict[str, Any], data: st.DataObject
) -> None:
    paths = {path: one for path, one in operations(document).items() if path != STREAM}
    path = data.draw(st.sampled_from(sorted(paths)))
    operation = paths[path]
    names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
    values = {name: data.draw(TEXT) for name in re.findall(r"\{(\w+)\}", path)}
    asked = data.draw(
        st.dictionaries(st.sampled_from([*names, "other"]), st.lists(TEXT, max_size=2), max_size=4)
    )
    accept = data.draw(st.sampled_from(["", "*/*", "text/csv", "text/*;q=x", "image/png", "\xff"]))
    response = answer_to(client, filled(path, values), asked, accept)
    declared = {*operation["responses"], "404", "405"}  # a path that leads elsewhere
    assert str(response.status_code) in declared
    if response.status_code >= 500:
        assert response.status_code == 503
        assert asked["source"]  # there is no collector to be asked
    if response.status_code >= 400:
        problem = response.json()
        assert problem["status"] == response.status_code
        assert problem["detail"]


def answer_to(
    client: httpx.Client, path: str, asked: dict[str, list[str]], accept: str
) -> httpx.Response:
    query = "&".join(
        f"{quote(name)}={quote(value.encode('utf-8', 'replace'))}"
        for name, several in asked.items()
        for value in several
    )
    headers = {b"Accept": accept.encode("latin-1")}
    return client.get(f"{path}?{query}", headers=headers)
