"""Tables on a terminal: as they are where they fit, row by row where they do not."""

import io
import re
import unicodedata
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from funding_platform.core.tables.features.curves import BUCKETS
from funding_platform.flows.progress import step
from funding_platform.views import terminal


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal 60 characters wide shows."""
    text = io.StringIO()
    screen = Console(file=text, force_terminal=True, width=60, color_system=None)
    monkeypatch.setattr(terminal, "console", screen)
    return text


def test_a_table_that_fits_is_a_table(printed: io.StringIO) -> None:
    terminal.show(pl.DataFrame({"venue": ["okx"], "rate": [0.0001], "interval_hours": [None]}))
    assert "│ okx   │ 0.0001 │ -              │" in printed.getvalue()


def test_words_in_narrow_cells_are_folded_and_not_cut(printed: io.StringIO) -> None:
    frame = pl.DataFrame(
        {
            "long": ["hyperliquid BTC-HYPERLIQUID"],
            "short": ["binance BTCUSDT"],
            "tier": ["actionable"],
            "against it": ["no net in 1d, thin volume, flickering, past unknown"],
        }
    )
    terminal.show(frame)
    assert "…" not in printed.getvalue()
    assert "row 1" not in printed.getvalue()


def test_a_table_too_wide_is_shown_a_line_per_column(printed: io.StringIO) -> None:
    names = [f"column_{n:02d}" for n in range(20)]
    terminal.show(pl.DataFrame({name: [n, n + 100] for n, name in enumerate(names)}), "wide")
    lines = printed.getvalue().splitlines()
    assert lines[0] == "wide"
    assert [line.split()[:2] for line in lines if line.startswith("row")] == [
        ["row", "1"],
        ["row", "2"],
    ]
    assert "column_19  19" in lines
    assert "column_19  119" in lines


def test_the_names_of_curves_stand_below_the_chart_highest_first(printed: io.StringIO) -> None:
    rates = {f"venue{n:02d}": n / 100 for n in range(20)}
    curves = pl.DataFrame(
        {
            "venue": list(rates),
            "venue_symbol": ["BTC"] * len(rates),
            "kind": ["settled"] * len(rates),
            "as_of": [datetime(2025, 3, 1, 8, tzinfo=UTC)] * len(rates),
            **{bucket: list(rates.values()) for bucket in BUCKETS},
            "b0": [None, *rates.values()][:-1],
        }
    )
    terminal.plot_curves(curves, "BTC funding")
    lines = printed.getvalue().splitlines()
    chart, names = lines[: -len(rates)], lines[-len(rates) :]
    assert not any("venue" in line for line in chart)
    assert names[0] == "━━    18.00 %  venue19 BTC (settled 2025-03-01 08:00)"
    assert names[-1].endswith("venue01 BTC (settled 2025-03-01 08:00)")
    assert sorted(line.split()[3] for line in names) == list(rates)


HOSTILE = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ["[/b]", "[link=http://x]y", "\x1b]0;title\x07", "[red", "\x00", "\u202eabc", "\\[", "\x9b2J"]
)


@given(name=HOSTILE.filter(bool), value=HOSTILE, title=HOSTILE, width=st.sampled_from([20, 200]))
def test_data_is_shown_as_text_and_never_acts(
    name: str, value: str, title: str, width: int
) -> None:
    text = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        screen = Console(file=text, force_terminal=True, width=width, color_system=None)
        patch.setattr(terminal, "console", screen)
        terminal.show(pl.DataFrame({name: [value], "other": ["x" * 15]}), title)
        terminal.remark("bad", "red", value)
    own = re.sub(r"\x1b\[[0-9;]*m", "", text.getvalue())  # rich's own styles
    assert not [c for c in own if unicodedata.category(c) in {"Cc", "Cf"} and c != "\n"]


def test_markup_in_data_is_not_interpreted(printed: io.StringIO) -> None:
    terminal.show(pl.DataFrame({"[b]name": ["[/b] [link=http://x]y[/link]"]}), "[red]title")
    for shown in ("[red]title", "[b]name", "[/b] [link=http://x]y[/link]"):
        assert shown in printed.getvalue()


def test_the_label_of_a_bar_is_text(printed: io.StringIO) -> None:
    with terminal.progress_bars(), step("[/b]\x1b[2J"):
        pass
    assert r"[/b]\x1b[2J" in printed.getvalue()


def test_what_is_shown_after_bars_with_a_file_for_chatter_goes_where_stdout_leads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with redirect_stdout(io.StringIO()), terminal.progress_bars(tmp_path / "chatter.log"):
        print("of others")
    terminal.remark("later", "red", "seen")
    assert "seen" in capsys.readouterr().out
    assert (tmp_path / "chatter.log").read_text() == "of others\n"
