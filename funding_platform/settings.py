"""Settings, from environment variables with the prefix ``FUNDING_``.

``FUNDING_VENUE_URLS='{"binance": "http://127.0.0.1:8900/binance"}'`` points one venue at a
sandbox, a proxy or a testnet; ``FUNDING_VENUES=binance,okx`` names those to collect.
"""

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from funding_platform.core.errors import FundingError
from funding_platform.core.system.shards import Spread
from funding_platform.core.tables.prices import PRICE_KINDS
from funding_platform.core.validation_errors import raise_as
from funding_platform.telemetry.logging import LogFormat, LogLevel


class SettingsError(FundingError):
    """A setting is out of bounds, or cannot be read."""


def project_root() -> Path:
    """Find the nearest folder at or above the working directory that holds ``workspace.yaml``.

    The working directory itself where there is none: an installed package has no tree around it.
    """
    here = Path.cwd()
    return next((d for d in (here, *here.parents) if (d / "workspace.yaml").exists()), here)


DAGSTER_HOME: Final = Path("data") / "dagster_home"
"""From the project's root: where Dagster lives, unless the environment says otherwise."""

CLUSTER_HOME: Final = Path("data") / "dagster_cluster"
"""The same, where Dagster's records are in PostgreSQL: a folder for its logs and its settings."""

_SHIPPED: Final = Path(__file__).with_name("project")
"""In a wheel: the files of the project that are no code. In a tree there is no such folder."""


def project_file(name: str | Path) -> Path:
    """Return where a file or folder of the project lies, such as ``dbt_project``.

    Below the project's root, or, where it is not there, in what an installed package brought along.
    """
    own, shipped = project_root() / name, _SHIPPED / name
    return shipped if shipped.exists() and not own.exists() else own


_WHERE = "a setting comes from the environment variable FUNDING_ and its name in capitals"


def as_environment(stated: Mapping[str, Any]) -> dict[str, str]:
    """Write settings as the environment of a process that is to have the same."""
    return {
        f"FUNDING_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in stated.items()
    }


def without_schema(url: str) -> str:
    """Return the URL of a database without the schema that the lake's catalog has in it."""
    parts = urlsplit(url)
    kept = [one for one in parts.query.split("&") if one and not one.startswith("schema=")]
    return urlunsplit(parts._replace(query="&".join(kept)))


class Settings(BaseSettings):
    """What differs between machines; everything else is code."""

    model_config = SettingsConfigDict(
        env_prefix="FUNDING_",
        frozen=True,
        hide_input_in_errors=True,  # some of it is secret
    )

    data_dir: Path = Field(
        default_factory=lambda: project_root() / "data", description="Where everything is kept."
    )
    venues: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Venues to collect, comma-separated; empty means all registered."
    )
    venue_urls: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict, description="Base URL per venue, as JSON; others use their own."
    )
    stream_urls: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict,
        description="Base URL of the stream per venue, as JSON; a venue that is left out has it "
        "below its base URL where that is set, and else at its own address.",
    )
    rate_limit_scale: float = Field(
        default=1.0,
        gt=0,
        description="Multiplies every documented request budget. Only for servers that are not "
        "the venue itself: a sandbox or a proxy with a quota of its own.",
    )
    request_timeout_seconds: float = Field(
        default=15.0, gt=0, description="Longest wait for one answer of a venue."
    )
    coingecko_api_key: SecretStr | None = Field(
        default=None, description="Key of a CoinGecko plan; without one the public tier is used."
    )
    raw_retention_days: int = Field(
        default=7,
        ge=0,
        description="How long the venues' answers are kept verbatim for audit and replay; 0 keeps "
        "none.",
    )
    hourly_snapshot_days: int = Field(
        default=365,
        ge=0,
        description="How long the market snapshots of all hours are kept; of older days the last "
        "one is. 0 keeps all.",
    )
    live_record_seconds: int = Field(
        default=60,
        ge=10,
        le=600,
        description="How often what the streams tell is put down in the lake: the span of a row of "
        "core.live_rates, and the most that a crash loses.",
    )
    live_minute_days: int = Field(
        default=30,
        ge=0,
        description="How long every row of core.live_rates is kept; of older hours the last one "
        "is. 0 keeps all.",
    )
    snapshot_retention_days: int = Field(
        default=30,
        ge=0,
        description="How far back in time the lake can be read as it was; maintenance expires "
        "older snapshots.",
    )
    run_retention_days: int = Field(
        default=30,
        ge=1,
        description="How long Dagster's records of runs are kept; longer where a month was last "
        "materialised by one.",
    )
    hourly_run_days: int = Field(
        default=1,
        ge=0,
        description="How long Dagster's records are kept of every run that started by itself and "
        "ended well; of older days, and after a week of weeks, the last one of each job and venue "
        "is. 0 keeps all.",
    )
    snapshot_deadline_seconds: float = Field(
        default=8.0,
        gt=0,
        description="Longest wait for one venue's snapshot: a venue that hangs keeps no other "
        "waiting.",
    )
    depth_pairs: int = Field(
        default=100,
        ge=0,
        description="Best pairs whose instruments' order books are measured every hour; 0 measures "
        "none.",
    )
    collection_memory_mib: int = Field(
        default=256,
        ge=16,
        description="Memory, in MiB, that the answers of all venues of one collection may take "
        "together; each has the same share, and one that sends more fails alone.",
    )
    candle_kinds: Annotated[tuple[Literal["mark", "index", "trade"], ...], NoDecode] = Field(
        default=PRICE_KINDS,
        description="Kinds of candles to collect, comma-separated; of a venue that has none of "
        "them, its trades, or else its index.",
    )
    curve_emission: Literal["roll", "collection", "grid"] = Field(
        default="roll",
        description="When live curves are emitted: once per window, with every collection, or "
        "every ten minutes.",
    )
    pca_transform: Literal["yield", "log1p"] = Field(
        default="yield",
        description="What principal components are fitted to: yields as they are, or ln(1 + b), "
        "in which single spikes weigh less.",
    )
    live: bool = Field(
        default=True,
        description="Whether the live collector is expected to run: `funding dev` starts it, and "
        "its freshness is checked.",
    )
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
    alert_bases: Annotated[tuple[str, ...], NoDecode] = Field(
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
    execution_url: SecretStr | None = Field(
        default=None,
        description="Where execution keeps what it must not forget, as a URL of SQLAlchemy such as "
        "postgresql://trader@host/execution; by default a SQLite file below the data folder.",
    )
    state_url: SecretStr | None = Field(
        default=None,
        description="Where several machines share what they know of venues (requests spent, bans, "
        "outages), as a URL such as postgresql://funding@host/funding; by default the catalog's "
        "database of a cluster, or files below the data folder, which one machine's processes "
        "share.",
    )
    dagster_url: SecretStr | None = Field(
        default=None,
        description="Where Dagster keeps runs and events, such as "
        "postgresql://funding@host/dagster; by default SQLite files in its home.",
    )
    run_launcher: Literal["local", "celery", "kubernetes"] = Field(
        default="local",
        description="Where runs are worked on: on the machine of the daemon, by Celery workers, or "
        "each in a pod of its own.",
    )
    broker_url: SecretStr | None = Field(
        default=None,
        description="Where runs wait for a Celery worker, such as redis://host:6379/0.",
    )
    concurrent_runs: int = Field(
        default=3,
        ge=1,
        description="Runs under way at one time; on workers, as many as they take together.",
    )
    kubernetes_image: str | None = Field(
        default=None, description="Image that a pod of a run is made of."
    )
    kubernetes_namespace: str = Field(default="default", description="Namespace of runs' pods.")
    kubernetes_account: str = Field(
        default="funding-platform", description="Service account of runs' pods."
    )
    kubernetes_config_map: str = Field(
        default="funding-dagster",
        description="Config map with the dagster.yaml of runs' pods.",
    )
    kubernetes_secret: str = Field(
        default="funding-environment",
        description="Secret whose keys are the environment of runs' pods.",
    )
    shards: Literal["processes", "ray"] = Field(
        default="processes",
        description="Where a sweep's runs and the factors of instruments are computed: on this "
        "machine, or on the cluster of Ray that RAY_ADDRESS names.",
    )
    log_level: LogLevel = Field(default="WARNING", description="What commands log at least.")
    metrics_port: int = Field(
        default=9464, ge=0, le=65535, description="Where `funding metrics --serve` listens."
    )
    service_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Origins whose pages may read the service's answers in a browser, "
        "comma-separated, such as https://desk.example; empty lets none.",
    )
    service_cache_mib: int = Field(
        default=64,
        ge=1,
        description="Memory, in MiB, that the service keeps encoded answers in.",
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

    @model_validator(mode="wrap")
    @classmethod
    def _explained(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        with raise_as(SettingsError, "the settings are wrong", cls.model_fields, hint=_WHERE):
            return handler(values)

    @field_validator("venue_urls", "stream_urls", mode="before")
    @classmethod
    def _from_json(cls, value: Any, info: ValidationInfo) -> Any:
        scheme = "ws" if info.field_name == "stream_urls" else "http"
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError as error:
            raise ValueError(
                f'not JSON ({error}); write {{"binance": "{scheme}://127.0.0.1:8900/binance"}}'
            ) from None

    @field_validator("venues", "candle_kinds", "alert_bases", "service_origins", mode="before")
    @classmethod
    def _split_names(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("["):
            return json.loads(value)
        return tuple(name.strip() for name in value.split(",") if name.strip())

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

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

    def stream_url(self, venue: str) -> str | None:
        """Return where a venue's stream is; None where that is its own address.

        What answers in a venue's place has its stream below the same address: a sandbox.
        """
        url = self.venue_urls.get(venue)
        beside = None if url is None else "ws" + url.removeprefix("http")
        return self.stream_urls.get(venue, beside)

    @cached_property
    def collection_memory_bytes(self) -> int:
        """The memory of a collection in bytes."""
        return self.collection_memory_mib * 2**20

    @cached_property
    def lake_dir(self) -> Path:
        """The lake: its catalog and its files. Movable as one folder."""
        return self.data_dir / "lake"

    @cached_property
    def execution_store(self) -> str:
        """URL of the store of execution; it may hold a password."""
        if self.execution_url is not None:
            return self.execution_url.get_secret_value()
        return f"sqlite:///{self.execution_file}"

    @cached_property
    def execution_file(self) -> Path:
        """The store of execution where no URL names another."""
        return self.data_dir / "execution" / "store.sqlite"

    def spread(self, workers: int) -> Spread:
        """Return where shards are computed: by so many processes here, or on a cluster."""
        return Spread("ray") if self.shards == "ray" else Spread("processes", workers)

    @cached_property
    def dagster_is_local(self) -> bool:
        """Whether Dagster keeps its records in files, and works on runs where its daemon is."""
        return self.dagster_url is None and self.run_launcher == "local"

    @cached_property
    def dagster_home(self) -> Path:
        """Where Dagster lives, unless ``DAGSTER_HOME`` says otherwise."""
        return project_root() / (DAGSTER_HOME if self.dagster_is_local else CLUSTER_HOME)

    @cached_property
    def shared_state(self) -> str | None:
        """URL of the database in which machines share what they know of venues; None for files."""
        chosen = self.state_url or (self.catalog_url if self.lake_profile == "cluster" else None)
        return None if chosen is None else without_schema(chosen.get_secret_value())

    @cached_property
    def state_dir(self) -> Path:
        """What processes share about venues: budgets spent, bans, outages; and the alerts.

        Safe to delete: what is wrong is told anew.
        """
        return self.data_dir / "state"

    @cached_property
    def service_keys_file(self) -> Path:
        """Which keys the service knows: their digests, never the keys."""
        return self.data_dir / "service" / "keys.json"

    @cached_property
    def alerts_file(self) -> Path:
        """Which alerts are active, and which messages wait."""
        return self.state_dir / "alerts.sqlite"

    @cached_property
    def dbt_dir(self) -> Path:
        """What dbt compiles, its results and its log. Safe to delete: dbt parses anew."""
        return self.data_dir / "dbt"

    @cached_property
    def published_file(self) -> Path:
        """The plain DuckDB file that anyone can open."""
        return self.data_dir / "funding.duckdb"
