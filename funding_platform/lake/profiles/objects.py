"""The Parquet files of a cluster, in S3."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final
from urllib.parse import urlsplit

from funding_platform.lake.catalog import literal
from funding_platform.lake.errors import LakeUnreachableError
from funding_platform.lake.profiles.contract import LakeFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyarrow.fs import S3FileSystem

    from funding_platform.settings import Settings

SECRET: Final = "funding_files"  # noqa: S105 - its name


@dataclass(frozen=True, slots=True)
class ObjectFiles:
    """Files in a bucket, below a prefix."""

    settings: Settings

    @property
    def root(self) -> str:
        """The prefix."""
        return f"{(self.settings.data_url or '').rstrip('/')}/"

    @property
    def _below(self) -> str:
        return self.root.removeprefix("s3://")

    def secret(self) -> str:
        """Return the statement that tells a DuckDB connection how to reach the bucket."""
        settings = self.settings
        stated = {"REGION": literal(settings.s3_region), "SCOPE": literal(self.root)}
        if settings.s3_endpoint is not None:
            address = urlsplit(settings.s3_endpoint)
            stated |= {
                "ENDPOINT": literal(address.netloc),
                "URL_STYLE": "'path'",
                "USE_SSL": str(address.scheme == "https"),
            }
        if settings.s3_key_id is not None and settings.s3_secret is not None:
            stated |= {
                "KEY_ID": literal(settings.s3_key_id.get_secret_value()),
                "SECRET": literal(settings.s3_secret.get_secret_value()),
            }
        else:
            stated |= {"PROVIDER": "credential_chain", "REFRESH": "auto"}  # a role's keys run out
        told = ", ".join(f"{name} {value}" for name, value in stated.items())
        return f"CREATE OR REPLACE SECRET {SECRET} (TYPE s3, {told})"

    def listing(self, below: str = "") -> list[LakeFile]:
        """List every Parquet file, or those below a folder."""
        from pyarrow.fs import FileSelector

        where = f"{self._below}{below}".rstrip("/")
        with self._explained():
            found = self._system().get_file_info(
                FileSelector(where, recursive=True, allow_not_found=True)
            )
        return [
            LakeFile(one.path.removeprefix(self._below), one.size)
            for one in found
            if one.is_file and one.path.endswith(".parquet")
        ]

    def delete(self, path: str) -> None:
        """Delete a file that is there."""
        with self._explained():
            self._system().delete_file(f"{self._below}{path}")

    @contextmanager
    def reading(self, path: str) -> Iterator[BinaryIO]:
        """Open a file to read it."""
        with (
            self._explained(),
            self._system().open_input_stream(f"{self._below}{path}") as stream,
        ):
            yield stream

    @contextmanager
    def writing(self, path: str) -> Iterator[BinaryIO]:
        """Open a new file, which is there once the block has ended; not if that is by an error."""
        with self._explained():
            system, where = self._system(), f"{self._below}{path}"
            stream = system.open_output_stream(where)
            try:
                yield stream
            except BaseException:
                stream.close()  # there is no other way to end it, and what it has sent stays
                system.delete_file(where)
                raise
            stream.close()

    def _system(self) -> S3FileSystem:
        # Read once, by the library below, which has no other place for it: servers other than
        # Amazon's refuse uploads whose checksum comes last.
        os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
        from pyarrow.fs import S3FileSystem

        settings = self.settings
        address = urlsplit(settings.s3_endpoint or "")
        key, secret = settings.s3_key_id, settings.s3_secret
        return S3FileSystem(
            access_key=key.get_secret_value() if key else None,
            secret_key=secret.get_secret_value() if secret else None,
            endpoint_override=address.netloc or None,
            scheme=address.scheme or "https",
            region=settings.s3_region,
            connect_timeout=10,
            request_timeout=60,
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise the lake's own error for what the bucket's server answers.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        LakeUnreachableError
            If the server does not answer, or refuses.
        """
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise LakeUnreachableError.of_files(self.root, str(error)) from None
