"""What a tear sheet is made of: sections with charts and tables, and how columns are written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import polars as pl
from markupsafe import Markup

from funding_platform.backtest.tear_sheet import words

MAX_ROWS: Final = 12
"""Of a table by venue or base; what is beyond is added up in one row."""

Column: TypeAlias = tuple[str, str, Callable[[Any], str]]
"""A column of a frame, its heading with the unit, and how a value is written."""

MONEY: Final[tuple[Column, ...]] = (
    ("funding_usd", "funding, USD", words.usd),
    ("price_usd", "price, USD", words.usd),
    ("costs_usd", "costs, USD", words.usd),
    ("net_usd", "net, USD", words.usd),
)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with a picture, a table, or both; ``wide`` ones take the page's whole width."""

    title: str
    note: str = ""
    picture: Markup | None = None
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    wide: bool = True


def table(title: str, frame: pl.DataFrame, columns: Sequence[Column], **more: Any) -> Section:
    """Lay out a section of some columns of a frame."""
    return Section(
        title,
        header=[heading for _, heading, _ in columns],
        rows=[
            [written(row[name]) for name, _, written in columns] for row in frame.rows(named=True)
        ],
        **more,
    )


def shortened(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Keep the rows at both ends, and add up what lies between them."""
    if frame.height <= MAX_ROWS:
        return frame
    half = (MAX_ROWS - 1) // 2
    middle = frame.slice(half, frame.height - 2 * half)
    numbers = [one for one in frame.columns if one not in (name, "hit_rate")]
    added = middle.select(
        pl.lit(f"{middle.height} others").alias(name),
        *(pl.col(one).sum() for one in numbers),
        *([pl.col("hit_rate").mean()] if "hit_rate" in frame.columns else []),
    )
    rest = added.select(pl.col(one).cast(kind) for one, kind in frame.schema.items())
    return pl.concat([frame.head(half), rest, frame.tail(half)])
