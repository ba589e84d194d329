"""A store that dies with a step: before anything of it is there, or when all of it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection

from funding_platform.execution import PaperCrash
from funding_platform.execution.store.store import Store


class Moment(StrEnum):
    BEFORE = "before"
    AFTER = "after"


@dataclass
class Steps:
    """Counts the steps that are written, and dies at one of them."""

    die_at: int | None = None
    moment: Moment = Moment.BEFORE
    names: list[str] = field(default_factory=list)

    def watch(self, store: Store) -> None:
        """Stand between the store and whoever writes."""
        write = store.step

        @contextmanager
        def step(name: str) -> Iterator[Connection]:
            number = len(self.names)
            self.names.append(name)
            if number == self.die_at and self.moment is Moment.BEFORE:
                raise PaperCrash(f"before {name}")
            with write(name) as connection:
                yield connection
            if number == self.die_at and self.moment is Moment.AFTER:
                raise PaperCrash(f"after {name}")

        store.step = step  # type: ignore[method-assign]

    @staticmethod
    def unwatch(store: Store) -> None:
        """Let it write in peace."""
        vars(store).pop("step", None)
