"""Which instruments are not heard of as they should be, since when, and what ends that."""

from collections.abc import Collection, Mapping

from funding_platform.live.board.view import NO_TIME


class Gaps:
    """The gaps of every row; one for each field that has to be said again, and one for any."""

    def __init__(self) -> None:
        self._of: dict[int, dict[int | None, tuple[int, str]]] = {}

    def begin(self, row: int, until: int | None, since_us: int, reason: str) -> bool:
        """Note a gap; tell whether it is a new one.

        Parameters
        ----------
        until
            The field that ends it when it is said again; None where any does.
        """
        gaps = self._of.setdefault(row, {})
        if until in gaps:
            return False
        gaps[until] = (since_us, reason)
        return True

    def hear(self, row: int, said: Collection[int]) -> bool:
        """End the gaps that are over once some fields are said; tell whether there were any."""
        gaps = self._of.get(row, {})
        over = [until for until in gaps if until is None or until in said]
        for until in over:
            del gaps[until]
        if not gaps:
            self.forget(row)
        return bool(over)

    def forget(self, row: int) -> None:
        """Forget the gaps of a row."""
        self._of.pop(row, None)

    def since(self, row: int) -> int:
        """Return since when the oldest of a row lasts, ``NO_TIME`` where there is none."""
        return min((since for since, _ in self._of.get(row, {}).values()), default=NO_TIME)

    def reasons(self) -> Mapping[int, str]:
        """Return by row why the oldest of its gaps began."""
        return {row: min(gaps.values())[1] for row, gaps in self._of.items()}
