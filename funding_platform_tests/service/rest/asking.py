"""Questions by REST whose answers are checked for what all of them have."""

from datetime import UTC, datetime
from typing import Any

from funding_platform_tests.service.server import Served

API = "/api/v1"
PAST = "/history/funding-rates/hyperliquid/BTC"

SPAN = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 3, 11, tzinfo=UTC)
WINDOW = {name: f"{instant:%Y-%m-%d}" for name, instant in zip(("start", "end"), SPAN, strict=True)}


def answered(service: Served, path: str, **query: Any) -> dict[str, Any]:
    """Return what is told, which must be an answer."""
    response = service.get(f"{API}{path}", params=query)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def refused(service: Served, path: str, status: int, **query: Any) -> dict[str, Any]:
    """Return the problem that is told, which must have a status and words."""
    response = service.get(f"{API}{path}", params=query)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["detail"]
    return problem
