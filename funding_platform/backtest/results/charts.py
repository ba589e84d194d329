"""A run as a picture, a PNG in memory, for where no page draws it.

Figures are made without pyplot, whose global state belongs to notebooks.
"""

import io
from typing import Final

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from funding_platform.core.plain_text import visible

_DPI: Final = 110
_LOSS, _LINE = "#b5443c", "#1f4e79"


def equity_chart(equity: pl.DataFrame, title: str) -> bytes:
    """Draw equity above, drawdown from its running peak below, as a PNG.

    Parameters
    ----------
    equity
        Columns ``time`` and ``equity`` (USD), in the order of time.
    title
        Printed above.
    """
    figure = Figure(figsize=(9, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    times, values = equity["time"].to_numpy(), equity["equity"].to_numpy()
    falls = values / np.maximum.accumulate(values) - 1.0
    above.step(times, values, where="post", color=_LINE, linewidth=1.2)
    above.set(ylabel="equity, USD")
    above.set_title(visible(title), parse_math=False)  # a name may hold a dollar sign
    below.fill_between(times, falls, step="post", color=_LOSS, alpha=0.5, linewidth=0)
    below.set(ylabel="drawdown")
    below.yaxis.set_major_formatter(PercentFormatter(1.0))
    for axes in (above, below):
        _quiet(axes)
    return _png(figure)


def _quiet(axes: Axes) -> None:
    """Put a grid behind, and leave no frame to the right and above."""
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=_DPI)
    return picture.getvalue()
