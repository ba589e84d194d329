"""Settings of runs, workers, and the stores that they share."""

from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, SecretStr

from funding_platform.core.system.shards import Spread
from funding_platform.settings.lake import LakeSettings
from funding_platform.settings.places import CLUSTER_HOME, DAGSTER_HOME, project_root


def without_schema(url: str) -> str:
    """Return the URL of a database without the schema that the lake's catalog has in it."""
    parts = urlsplit(url)
    kept = [one for one in parts.query.split("&") if one and not one.startswith("schema=")]
    return urlunsplit(parts._replace(query="&".join(kept)))


class RunningSettings(LakeSettings):
    """Where runs are worked on and computed, and where what they share is kept.

    A cluster's lake lends its database to what machines know of venues.
    """

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

    def spread(self, here: Spread) -> Spread:
        """Return where shards are computed: on a cluster, or as is said for this machine."""
        return Spread("ray") if self.shards == "ray" else here

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
