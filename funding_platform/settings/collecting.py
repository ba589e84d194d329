"""Settings of what is collected, how long it is kept, and what is computed from it."""

import json
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from funding_platform.core.tables.prices import PRICE_KINDS
from funding_platform.settings.base import Names, SettingsBase, split_names

_Kinds = Annotated[
    tuple[Literal["mark", "index", "trade"], ...], NoDecode, BeforeValidator(split_names)
]


class CollectingSettings(SettingsBase):
    """Which venues are asked, at what pace, and what becomes of their answers."""

    venues: Names = Field(
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
    candle_kinds: Annotated[
        tuple[Literal["mark", "index", "trade"], ...], NoDecode, BeforeValidator(split_names)
    ] = Field(
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
