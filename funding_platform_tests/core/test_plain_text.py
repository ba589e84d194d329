"""Text from outside: what acts is written out, what is text stays as it is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.core.plain_text import cell, first_few, markdown, visible

ANY = st.text(st.characters())  # surrogates and control characters too


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("BTCUSDT", "BTCUSDT"),
        ("Zürich 日本 😀 [/b]", "Zürich 日本 😀 [/b]"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31m", r"\x9b31m"),
        ("a\0b\rc\x7f", r"a\x00b\rc\x7f"),
        ("\u202eTDSU", r"\u202eTDSU"),
        ("a\u200bb\ufeff\u2028", r"a\u200bb\ufeff\u2028"),
        ("\U000e0041\ud800", r"\U000e0041\ud800"),
        ("two\n\tlines", "two\n\tlines"),
    ],
)
def test_what_acts_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(ANY)
def test_no_control_character_is_left_but_ends_of_lines_and_tabulators(text: str) -> None:
    left = {
        unicodedata.category(character) for character in visible(text) if character not in "\n\t"
    }
    assert not left & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert visible(visible(text)) == visible(text)


@given(ANY)
def test_a_cell_of_markdown_is_one_line_and_no_markup(text: str) -> None:
    found = markdown(text)
    assert "\n" not in found
    assert not set("<>") & set(found)
    unescaped = found.replace("\\\\", "")
    for mark in "|`*_[]~:$":
        assert unescaped.count(mark) == unescaped.count(f"\\{mark}")


def test_absent_values_are_a_dash_and_numbers_are_short() -> None:
    assert [cell(None), cell(1234.56789), cell("x\x1b"), cell([1])] == [
        "-",
        "1,234.57",
        r"x\x1b",
        "[1]",
    ]


@pytest.mark.parametrize(
    ("said", "told"),
    [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (list("abcd"), "a, b and 2 more")],
)
def test_of_many_the_first_are_told_and_the_rest_counted(said: list[str], told: str) -> None:
    assert first_few(said, 2) == told
    assert first_few(said, 2, separator="; ", joint="; and ") == told.replace(",", ";").replace(
        " and", "; and"
    )
