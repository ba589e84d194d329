"""What an import does for one table: take rows in, compare them with the lake, write the new."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from funding_platform.core.tables.schema import Table
from funding_platform.flows.importing.files.spool import Spool
from funding_platform.flows.importing.reports import ImportReport
from funding_platform.flows.progress import begin
from funding_platform.lake.writer import Lake, Transaction


class Part(ABC):
    """One table's share of an import; its files are gone when the context is left.

    Parameters
    ----------
    told_rows
        Takes what the files hold.
    new_rows
        Takes what of it the lake does not hold.
    """

    def __init__(self, told_rows: Spool, new_rows: Spool) -> None:
        self.told_rows = told_rows
        self.new_rows = new_rows

    def __enter__(self) -> Self:
        self.told_rows.__enter__()
        self.new_rows.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.new_rows.__exit__(kind, error, trace)
        self.told_rows.__exit__(kind, error, trace)

    @property
    @abstractmethod
    def table(self) -> Table:
        """The table."""

    @abstractmethod
    def compare(
        self, lake: Lake, files: Sequence[str], now: datetime, *, keep_stored: bool
    ) -> ImportReport | None:
        """Keep what is new; None where no file had anything for this table.

        Parameters
        ----------
        files
            Names by the number in ``file``.
        now
            Nothing later can have happened.
        keep_stored
            Leave out what differs from the lake, instead of refusing all.

        Raises
        ------
        ImportRefusedError
            If rows cannot be, or the lake holds other figures for them.
        """

    @abstractmethod
    def write(self, transaction: Transaction) -> None:
        """Write what is new."""

    def append_parts(self, transaction: Transaction, doing: str, *, drop: str) -> None:
        """Append what is new, a bounded number of rows at a time, without a column."""
        if not (parts := self.new_rows.parts()):
            return
        advance = begin(doing, len(parts))
        for rows in parts:
            transaction.append(self.table, rows.drop(drop))
            advance()
