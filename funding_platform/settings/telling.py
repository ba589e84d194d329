"""Settings of alerts, logs and metrics."""

from functools import cached_property
from pathlib import Path

from pydantic import Field, SecretStr

from funding_platform.settings.base import Names, SettingsBase
from funding_platform.telemetry.logging import LogFormat, LogLevel


class TellingSettings(SettingsBase):
    """Who is told what, and from when on."""

    alert_webhook_url: SecretStr | None = Field(
        default=None, description="Where alerts are posted to; an address may hold a token."
    )
    alert_webhook_secret: SecretStr | None = Field(
        default=None,
        description="What they are signed with: whsec_ and 24 to 64 random bytes in base64.",
    )
    alert_apprise_urls: SecretStr | None = Field(
        default=None,
        description="Slack, Discord, Telegram and others, as addresses of apprise, separated by "
        "spaces; needs the extra alerts.",
    )
    alert_bases: Names = Field(
        default=("BTC", "ETH", "SOL"),
        description="Bases whose curves are watched, comma-separated; empty watches none.",
    )
    alert_z: float = Field(
        default=2.0, gt=0, description="z-score of a curve's level or slope that is told."
    )
    alert_net_apr: float = Field(
        default=0.5, gt=0, description="Net return per year of an opportunity that is told."
    )
    alert_missing_share: float = Field(
        default=0.02, gt=0, le=1, description="Share of a month's settlements whose loss is told."
    )
    alert_failed_collections: int = Field(
        default=3, ge=1, description="Failures in a row after which a venue counts as down."
    )
    alert_stale_factor: float = Field(
        default=1.0, gt=0, description="Multiplies the ages beyond which data count as stale."
    )
    log_format: LogFormat = Field(
        default="text", description="How commands log: for people, or one JSON object a line."
    )
    log_level: LogLevel = Field(default="WARNING", description="What commands log at least.")
    metrics_port: int = Field(
        default=9464, ge=0, le=65535, description="Where `funding metrics --serve` listens."
    )

    @cached_property
    def alerts_file(self) -> Path:
        """Which alerts are active, and which messages wait."""
        return self.state_dir / "alerts.sqlite"
