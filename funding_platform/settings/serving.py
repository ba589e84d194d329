"""Settings of the service: its bounds, its cache, and the files that it keeps."""

from functools import cached_property
from pathlib import Path

from pydantic import Field, SecretStr

from funding_platform.settings.base import Names, SettingsBase


class ServingSettings(SettingsBase):
    """What the service lets be asked, and remembers."""

    service_origins: Names = Field(
        default=(),
        description="Origins whose pages may read the service's answers in a browser, "
        "comma-separated, such as https://desk.example; empty lets none.",
    )
    service_webhook_private: bool = Field(
        default=False,
        description="Whether webhooks of the service may go to addresses of this machine and its "
        "network, and over http.",
    )
    service_cache_mib: int = Field(
        default=64,
        ge=1,
        description="Memory, in MiB, that the service keeps encoded answers in.",
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="A Redis that instances of the service share encoded answers through, such as "
        "redis://cache:6379/0; needs the extra redis. Without it each keeps its own.",
    )
    service_readers: int = Field(
        default=2,
        ge=1,
        le=32,
        description="Questions of the service that the lake answers at one time; each has a "
        "connection of its own.",
    )
    service_seconds: float = Field(
        default=10.0, gt=0, description="Longest that one question of the service may take."
    )
    service_rows: int = Field(
        default=100_000, ge=1, description="Rows that one answer of the service may have at most."
    )

    @cached_property
    def service_keys_file(self) -> Path:
        """Which keys the service knows: their digests, never the keys."""
        return self.data_dir / "service" / "keys.json"

    @cached_property
    def service_session_file(self) -> Path:
        """What sessions of the dashboard are signed with. Who deletes it ends them all."""
        return self.data_dir / "service" / "session.key"

    @cached_property
    def service_webhooks_file(self) -> Path:
        """Which webhooks the service sends: where to, and what they are signed with."""
        return self.data_dir / "service" / "webhooks.json"

    @cached_property
    def service_webhooks_dir(self) -> Path:
        """A file per webhook: what is active for it, and which messages wait.

        Safe to delete: what is wrong is told anew.
        """
        return self.state_dir / "webhooks"
