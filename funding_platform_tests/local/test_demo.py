"""What the demonstration says at its end."""

from pathlib import Path

import pytest

from funding_platform.local.demo import backtest_words, tell_next_steps
from funding_platform.settings import Settings


def test_the_next_steps_are_plain_text_under_a_heading(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(data_dir=tmp_path / "[data]")
    tell_next_steps(settings)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["", "Next"]
    assert lines[3] == (
        "  funding dev --sandbox              the Dagster UI over this lake, sensors and streams "
        "running"
    )
    assert f"  duckdb {settings.published_file}" in lines
    assert not any("[/]" in line or "[bold]" in line for line in lines)


@pytest.mark.parametrize(
    ("trades", "net", "said"),
    [(0, 0.0, "opened nothing"), (5, -3.0, "did not pay for its costs"), (5, 3.0, None)],
)
def test_a_market_that_offers_nothing_is_said_in_words(
    trades: int, net: float, said: str | None
) -> None:
    found = backtest_words({"n_trades": trades, "net_pnl_usd": net})
    assert found is None if said is None else said in str(found)
