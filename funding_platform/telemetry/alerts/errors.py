"""What can go wrong in telling people that something is wrong.

AlertError
├── AlertStateError    the file of the alerts cannot be opened, or not be written
├── UnknownAlertError  no such alert is active
├── SinkError          a message could not be handed over; it is kept and sent again
└── SinkConfigError    where messages go makes no sense, or needs a library that is not there
"""

from funding_platform.core.errors import FundingError


class AlertError(FundingError):
    """Something of the alerts does not work."""


class AlertStateError(AlertError):
    """The file that knows which alerts are active cannot be used."""


class UnknownAlertError(AlertError):
    """No alert of that kind and subject is active."""


class SinkError(AlertError):
    """A message could not be handed over. Says no address: addresses hold secrets."""


class SinkConfigError(AlertError):
    """Where messages are to go makes no sense, or needs a library that is not installed."""
