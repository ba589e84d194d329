"""Exchanges on paper: the venue of ``funding_platform.paper`` behind a network that can fail."""
