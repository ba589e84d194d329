"""Where a venue's stream is, by the settings."""

import pytest

from funding_platform.settings import Settings, SettingsError


def test_its_own_address_unless_something_else_is_set() -> None:
    assert Settings().stream_url("okx") is None


def test_beside_what_answers_in_the_venues_place() -> None:
    settings = Settings(
        venue_urls={"okx": "http://127.0.0.1:8900/okx", "bybit": "https://proxy.test/bybit"}
    )
    assert settings.stream_url("okx") == "ws://127.0.0.1:8900/okx"
    assert settings.stream_url("bybit") == "wss://proxy.test/bybit"
    assert settings.stream_url("binance") is None


def test_as_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDING_VENUE_URLS", '{"okx": "http://127.0.0.1:8900/okx"}')
    monkeypatch.setenv("FUNDING_STREAM_URLS", '{"okx": "wss://wseea.okx.com:8443"}')
    assert Settings().stream_url("okx") == "wss://wseea.okx.com:8443"


def test_what_is_no_json_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDING_STREAM_URLS", "okx=ws://127.0.0.1")
    with pytest.raises(SettingsError, match=r"ws://127\.0\.0\.1:8900/binance"):
        Settings()
