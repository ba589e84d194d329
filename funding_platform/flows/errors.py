"""What can go wrong in a use case, beyond what its venue or the lake reports.

FlowError
├── FutureWindowError     asked for a month that has not begun
├── BeforeHistoryError    asked for a month before the venue's first settlement
├── PerishableError       asked for a snapshot of another hour than the running one
├── UnknownRunError       no stored backtest, or more than one, goes by that id
├── RerunDiffersError     a stored backtest, run again, is not what it was
├── ClockError            this machine's clock is not that of the venues; nothing was stored
├── MissingSettlementsError  settlements were due, and are not there
├── ImportRefusedError    files cannot be imported; nothing was written
│   ├── MappingError          which column is what is not known, or makes no sense
│   ├── DumpError             a file breaks its form: names file, line and column
│   │   └── SamplesError          a file holds a rate as it ran, not what was settled
│   └── ImportConflictError   a file and the lake, or two files, disagree on a settlement
├── FeeError              fees cannot be set or withdrawn as asked; nothing was written
│   ├── FeeRefusedError       a figure, a tier's name or the note makes no sense
│   ├── UnknownTierError      the venue has no such tier, or none that was set
│   └── NoOverrideError       nothing was set that begins then
├── NotBuiltError         dbt has not built the mart that was asked for
├── NothingStoredError    nothing of what was asked for is stored
├── SeveralAssetsError    a base stands for several assets, and none of them was named
├── CollectionError       no venue, or not one symbol, could be collected
└── UnfinishedError       a collection is under way, or was ended before it was done
"""

from funding_platform.core.errors import FundingError


class FlowError(FundingError):
    """A use case cannot do what it was asked."""


class FutureWindowError(FlowError):
    """The window lies in the future."""


class BeforeHistoryError(FlowError):
    """The window ends before the venue's history starts."""


class PerishableError(FlowError):
    """A snapshot can only be taken of now."""


class ClockError(FlowError):
    """The clock of this machine is not the venues': what it stamps would be of another time."""


class MissingSettlementsError(FlowError):
    """Settlements that were due are not there, although they were asked for twice."""


class UnknownRunError(FlowError):
    """No stored backtest goes by that id, or more than one begins with it."""


class RerunDiffersError(FlowError):
    """A stored backtest, run again on its snapshot, is not what it was; says what differs."""


class ImportRefusedError(FlowError):
    """Files cannot be imported; nothing was written."""


class MappingError(ImportRefusedError):
    """Which column of a file is what is not known, or makes no sense."""


class DumpError(ImportRefusedError):
    """A file breaks its form.

    Parameters
    ----------
    file
        The file, and the one inside it where it is an archive.
    message
        What is wrong.
    line
        The line of a CSV file, its header being the first; the number of the row in a file that
        has no lines.
    place
        What ``line`` counts: ``line`` or ``row``.
    column
        The column, by its name in the file.
    """

    def __init__(
        self,
        file: str,
        message: str,
        *,
        line: int | None = None,
        column: str | None = None,
        place: str = "line",
        hint: str | None = None,
    ) -> None:
        where = [file]
        where += [f"{place} {line}"] if line is not None else []
        where += [f"column {column}"] if column is not None else []
        super().__init__(f"{', '.join(where)}: {message}", hint=hint)
        self.file = file
        self.line = line
        self.column = column


class SamplesError(DumpError):
    """A file holds samples of a rate as it ran, not settlements."""


class ImportConflictError(ImportRefusedError):
    """Two rates for one settlement: of a file and the lake, or of two files."""


class FeeError(FlowError):
    """Fees cannot be set or withdrawn as asked; nothing was written."""


class FeeRefusedError(FeeError):
    """A fee, a volume, the name of a tier or the note makes no sense."""


class UnknownTierError(FeeError):
    """The venue has no tier of that name, or nobody has set its fees."""


class NoOverrideError(FeeError):
    """No override of the tier begins at that instant."""


class NotBuiltError(FlowError):
    """The mart that was asked for does not exist yet."""


class NothingStoredError(FlowError):
    """Nothing of the instrument, base or time that was asked for is stored."""


class SeveralAssetsError(FlowError):
    """A base stands for several assets, and which of them is meant was not said."""


class NotLiveError(FlowError):
    """No live collector is running, or it has stopped."""


class CollectionError(FlowError):
    """Nothing could be collected."""


class UnfinishedError(FlowError):
    """A collection is under way, or was ended before it was done; what it stored is whole."""
