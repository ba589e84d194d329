"""Tables in the Dagster UI."""

import polars as pl

from funding_platform.defs.presentation import LONGEST_CELL, markdown_table


def test_a_frame_is_a_markdown_table() -> None:
    frame = pl.DataFrame({"venue": ["okx", None], "rate": [0.0001, -12345.678]})
    assert markdown_table(frame).splitlines() == [
        "| venue | rate |",
        "| --- | --- |",
        "| okx | 0.0001 |",
        "| - | -12,345.7 |",
    ]


def test_a_cell_breaks_out_of_nothing() -> None:
    frame = pl.DataFrame({"a|b": ["x | y\n| z `<img src=x>` [l](javascript:1)\x1b", "x" * 100]})
    header, _, row, long = markdown_table(frame).splitlines()
    assert header == r"| a\|b |"
    assert row == r"| x \| y \| z \`&lt;img src=x&gt;\` \[l\](javascript\:1)\\x1b |"
    assert len(long) == len("| … |") + LONGEST_CELL
