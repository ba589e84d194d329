"""How deep a book a venue hands out."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class BookSpec:
    """Which depths may be asked for; what a request weighs is said by its endpoint.

    Parameters
    ----------
    depths
        Numbers of levels per side that the venue grants, ascending; none where it takes no such
        number and sends what it has.
    usual
        What is asked for where nobody says: never left to the venue, whose own default may be one
        level.
    """

    depths: Sequence[int] = ()
    usual: int

    def fit(self, depth: int) -> int:
        """Return the smallest depth granted that is enough, else the largest."""
        if not self.depths:
            return depth
        return next((granted for granted in self.depths if granted >= depth), self.depths[-1])
