"""Asking the lake of some settings one question of ``flows.queries``."""

from collections.abc import Callable
from typing import Any, TypeVar

from funding_platform.flows.queries import open_lake
from funding_platform.settings import Settings

Answer = TypeVar("Answer")


def read(query: Callable[..., Answer], settings: Settings, *asked: Any, **more: Any) -> Answer:
    """The answer of a query, whose connection is opened and closed around it."""
    with open_lake(settings) as lake:
        return query(lake, *asked, **more)
