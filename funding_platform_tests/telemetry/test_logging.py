"""How log lines look: for people, for machines, and to whichever standard error there is."""

import json
import logging
from collections.abc import Iterator

import pytest
from dagster import get_dagster_logger

from funding_platform.telemetry.logging import REQUEST_ID, StderrHandler, configure_logging

LOG = logging.getLogger("funding_platform.somewhere")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_people_read_the_message_and_nothing_acts_on_their_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("text", "WARNING")
    LOG.info("unheard")
    LOG.warning("%s is down", "okx\x1b[31m")
    assert capsys.readouterr().err == "okx\\x1b[31m is down\n"


def test_machines_read_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "INFO")
    LOG.info("%s is\nback", "okx")
    key = "canary"
    try:
        raise ValueError("no" if key else "yes")
    except ValueError:
        LOG.exception("it failed")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "event": "okx is\nback",
        "level": "info",
        "logger": "funding_platform.somewhere",
    }
    assert second["event"] == "it failed"
    assert second["exception"][0]["exc_type"] == "ValueError"
    assert "canary" not in json.dumps(second), "what a variable held may be a secret"


def test_a_line_of_a_request_has_its_id_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "INFO")
    said = REQUEST_ID.set("a1b2")
    try:
        LOG.info("answered", extra={"status": 200, "secret": "canary"})
    finally:
        REQUEST_ID.reset(said)
    line = json.loads(capsys.readouterr().err)
    assert (line["request_id"], line["status"]) == ("a1b2", 200)
    assert "canary" not in str(line), "only fields that are foreseen are told"


def test_requests_are_not_logged_with_their_addresses(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("text", "DEBUG")
    logging.getLogger("httpx").info("HTTP Request: GET https://example.org/?key=canary")
    assert capsys.readouterr().err == ""


def test_another_configuration_takes_the_place_of_the_first() -> None:
    for form in ("text", "json", "text"):
        configure_logging(form, "INFO")
    handlers = [one for one in logging.getLogger().handlers if isinstance(one, StderrHandler)]
    assert len(handlers) == 1


def test_what_dagster_tells_of_runs_stays_in_its_own_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its logger has a level of its own, whatever those above it have."""
    configure_logging("text", "INFO")
    logger = get_dagster_logger()
    logger.info("a step of a run")
    logger.warning("something is wrong")
    assert capsys.readouterr().err == "something is wrong\n"
