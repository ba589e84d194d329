"""Settings of the lake: where it is, and what a connection to it may take."""

from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from funding_platform.settings.base import SettingsBase, as_environment


class LakeSettings(SettingsBase):
    """The folder, or the database and the bucket, and DuckDB's bounds."""

    lake_profile: Literal["embedded", "cluster"] = Field(
        default="embedded",
        description="Where the lake is: in one folder of this machine, or its catalog in "
        "PostgreSQL and its files in S3, for several machines.",
    )
    catalog_url: SecretStr | None = Field(
        default=None,
        description="The PostgreSQL database of a cluster's catalog, such as "
        "postgresql://funding@host/lake; ?schema= names another schema than funding_lake, "
        "?sslmode= asks for encryption.",
    )
    data_url: str | None = Field(
        default=None,
        pattern=r"^s3://[^/\s]+(/[^\s]*)?$",
        description="Where a cluster's files are, such as s3://bucket/prefix.",
    )
    s3_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^/\s@]+/?$",
        description="Address of the S3 server, such as https://minio.example:9000; Amazon's own "
        "when left out.",
    )
    s3_region: str = Field(default="us-east-1", description="Region of the S3 bucket.")
    s3_key_id: SecretStr | None = Field(
        default=None,
        description="Key of the S3 server; without one the machine's own right is used "
        "(the credential chain of AWS).",
    )
    s3_secret: SecretStr | None = Field(default=None, description="The secret of that key.")
    lake_threads: int = Field(default=2, ge=1, description="DuckDB threads per connection.")
    lake_memory_limit: str = Field(default="2GiB", description="DuckDB memory per connection.")
    lock_timeout_seconds: float = Field(
        default=120.0, gt=0, description="Longest wait for another process's commit."
    )

    @model_validator(mode="after")
    def _cluster_is_whole(self) -> Self:
        if self.lake_profile == "cluster":
            missing = [name for name in ("catalog_url", "data_url") if not getattr(self, name)]
            if missing:
                raise ValueError(
                    f"lake_profile: cluster needs {' and '.join(missing)} "
                    f"({', '.join(as_environment(dict.fromkeys(missing, '…')))})"
                )
        if (self.s3_key_id is None) != (self.s3_secret is None):
            raise ValueError("s3_key_id and s3_secret: one needs the other")
        return self

    def lake_stated(self) -> dict[str, str]:
        """Return what a process of ours needs to open the same lake, secrets in plain text.

        For its environment or a pipe to it; never for a log, a message, or a file.
        """
        stated = {
            "data_dir": str(self.data_dir),
            "lake_profile": self.lake_profile,
            "lake_threads": str(self.lake_threads),
            "lake_memory_limit": self.lake_memory_limit,
            "lock_timeout_seconds": str(self.lock_timeout_seconds),
        }
        if self.lake_profile == "embedded":
            return stated
        stated["s3_region"] = self.s3_region
        for name in ("catalog_url", "data_url", "s3_endpoint", "s3_key_id", "s3_secret"):
            value = getattr(self, name)
            if value is not None:
                plain = value.get_secret_value() if isinstance(value, SecretStr) else value
                stated[name] = plain
        return stated

    @cached_property
    def lake_dir(self) -> Path:
        """The lake: its catalog and its files. Movable as one folder."""
        return self.data_dir / "lake"
