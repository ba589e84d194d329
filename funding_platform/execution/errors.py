"""What can go wrong in execution, before or beside an order.

ExecutionError
├── StoreError              the store cannot be used
│   ├── NewerStoreError         newer code wrote it: this code must not touch it
│   ├── StoreInUseError         another process writes it
│   └── UnknownPairError        it knows no such pair
├── AccountFileError        the file of an account on paper cannot be used
├── TransitionError         a pair was to go where its state does not lead
└── NotReconciledError      trading was asked for before the venues were

That nothing can be placed is no error: an opening that is refused is a result with its reasons.
"""

from funding_platform.core.errors import FundingError


class ExecutionError(FundingError):
    """Execution cannot go on."""


class StoreError(ExecutionError):
    """The store of execution cannot be used."""


class NewerStoreError(StoreError):
    """Newer code wrote the store."""


class StoreInUseError(StoreError):
    """Another process writes the store: there is one writer at a time."""


class UnknownPairError(StoreError):
    """The store knows no such pair."""


class TransitionError(ExecutionError):
    """A pair was to enter a state that its own does not lead to."""


class NotReconciledError(ExecutionError):
    """Nothing is traded before it is known what the venues hold."""


class AccountFileError(ExecutionError):
    """The file of an account on paper cannot be used."""
