"""What can go wrong with the sandbox before it serves its first request."""

from funding_platform.core.errors import FundingError


class SandboxError(FundingError):
    """The sandbox cannot be built or started as asked."""


class PortInUseError(SandboxError):
    """Another process listens where the sandbox should."""


class ReplayError(SandboxError):
    """A file of the replayed folder is not what it should be."""
