"""What came of a venue's updates."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counts:
    """What came of a venue's updates since the board was made.

    Parameters
    ----------
    accepted
        Updates of which at least one value was taken.
    late
        Updates of which a value was older than what was shown.
    repeated
        Updates that changed nothing.
    impossible
        Values that were flagged.
    unplaced
        Updates of instruments for which there was no room.
    unreadable
        Updates of messages that hold something else than numbers: the parser of the venue is at
        fault.
    gaps
        Times that the stream broke.
    """

    accepted: int = 0
    late: int = 0
    repeated: int = 0
    impossible: int = 0
    unplaced: int = 0
    unreadable: int = 0
    gaps: int = 0
