"""Accounts as trading relies on them: set and read back once, before anything is sent.

An account in another mode than expected turns a close into a second position, or trades with the
margin of everything else. So no venue is looked at, and nothing is traded anywhere, before its
account was found fit; why it was not is an event.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from funding_platform.execution.store.journal import Journal
from funding_platform.execution.store.records import NewEvent
from funding_platform.venues.errors import ContractError, VenueError
from funding_platform.venues.orders.contract import ExchangeClient

UNFIT: Final = "account_unfit"


class Preparation:
    """Has every client prepare its account, until it has once succeeded."""

    def __init__(self, clients: Mapping[str, ExchangeClient], journal: Journal) -> None:
        self._clients = clients
        self._journal = journal
        self._fit: set[str] = set()
        self._told: dict[str, str] = {}

    async def prepare(self) -> dict[str, str]:
        """Prepare the accounts that are not known to be fit; return those that are not, and why.

        One that cannot be reached is tried again with the next call, and so is one that is not as
        it has to be: somebody may set it right meanwhile.
        """
        waiting = [venue for venue in self._clients if venue not in self._fit]
        answers = await asyncio.gather(
            *(self._clients[venue].prepare() for venue in waiting), return_exceptions=True
        )
        unfit = {}
        for venue, answer in zip(waiting, answers, strict=True):
            if answer is None:
                self._fit.add(venue)
            elif isinstance(answer, VenueError):
                unfit[venue] = answer.message
                if isinstance(answer, ContractError):
                    self._tell(venue, answer.message)
            else:
                raise answer
        return unfit

    def _tell(self, venue: str, reason: str) -> None:
        """Write why nothing is traded, once for each reason."""
        if self._told.get(venue) != reason:
            self._told[venue] = reason
            self._journal.store.add_event(
                NewEvent(
                    kind=UNFIT, reason=reason, actor="reconciliation", details={"venue": venue}
                )
            )
