"""A figure of a frame, where a test knows that there is one."""

from typing import Any


def known(figure: object) -> Any:
    """Return what Polars worked out of a column that has values.

    ``min``, ``max`` and ``mean`` are typed as anything a column can hold, and as None for an empty
    one: ``known(frame["rate"].max()) < 1e-7`` can be compared, and fails where there is nothing.
    """
    assert figure is not None, "a figure of no values"
    return figure
