"""What OpenAPI says is so: of every example, of every field, in the page."""

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from jsonschema import Draft202012Validator

from funding_platform.arbitrage import OpportunityFilter
from funding_platform_tests.checkout import ROOT
from funding_platform_tests.service.server import Served
from funding_platform_tests.service.streams.messages import TYPES, require_declared

STREAM = "/api/v1/stream"
WEBHOOKS = "/api/v1/webhooks"
"""They take a key; ``webhooks`` has their tests."""

ALSO = ("/healthz", "/readyz", "/metrics", "/api/v1/openapi.json")
"""Paths that OpenAPI leaves out."""


@pytest.fixture(scope="module")
def document(service: Served) -> dict[str, Any]:
    found: dict[str, Any] = service.get("/api/v1/openapi.json").json()
    return found


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


@pytest.mark.world
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


def test_every_message_of_the_page_is_as_declared() -> None:
    page = (ROOT / "docs" / "streams.md").read_text(encoding="utf-8")
    messages = [json.loads(block) for block in re.findall(r"```json\n(.+?)```", page, re.S)]
    assert {message["type"] for message in messages} == TYPES
    for message in messages:
        require_declared(message)


def test_a_method_that_a_path_lacks_is_answered_by_those_it_has(
    service: Served, document: dict[str, Any]
) -> None:
    with service.client() as client:
        for path, found in document["paths"].items():
            values = dict.fromkeys(re.findall(r"\{(\w+)\}", path), "0123456789abcdef")
            answer = client.options(filled(path, values))
            assert answer.status_code == 405, path
            assert set(answer.headers["allow"].split(", ")) == {method.upper() for method in found}
