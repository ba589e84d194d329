"""Setting fees by hand, and withdrawing them; ``flows.queries.trading.fees`` reads them.

What dbt's seed says is overridden by rows of ``core.fee_overrides``, which are only ever added:
who set what, when and why stays readable. ``marts.fee_history`` puts both together at each query,
so that an override counts for every reader as soon as it is committed.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from funding_platform.core.tables.fees import (
    BASE_TIER,
    FEE_OVERRIDES,
    FEE_SCHEDULES,
    MAX_FEE_BPS,
    MIN_MAKER_BPS,
    MIN_TAKER_BPS,
)
from funding_platform.core.time_grid import FIRST_PERPETUAL
from funding_platform.flows.errors import (
    FeeRefusedError,
    NoOverrideError,
    UnknownTierError,
)
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform.venues.registry import venue_spec

_TIER_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_TICK = timedelta(microseconds=1)
_FURTHEST_AHEAD = timedelta(days=366)
"""Beyond this a start is a slip of the pen: venues announce fees weeks ahead."""

_STANDING = f"""
SELECT * FROM (
    FROM {FEE_OVERRIDES.full_name} WHERE venue = ?
    QUALIFY row_number() OVER (PARTITION BY tier, effective_from ORDER BY recorded_at DESC) = 1
) WHERE NOT revoked
"""


@dataclass(frozen=True, slots=True)
class NewFees:
    """Fees as someone states them.

    Parameters
    ----------
    venue, tier
        Whose; a tier that the venue does not have yet needs ``min_volume_30d_usd``.
    maker_bps, taker_bps
        Basis points of notional; a negative maker fee is a rebate.
    effective_from
        First instant at which they apply, with a zone.
    note
        Why.
    min_volume_30d_usd
        30-day volume from which the tier applies; what is known of the tier when not given.

    Raises
    ------
    UnknownVenueError
        If no venue has that name.
    FeeRefusedError
        If the maker fee lies outside -10 to 100 bps, or the taker fee outside 0 to 100; if the
        volume is negative or not a number; if the tier's name is not of lower-case letters,
        digits, ``_``, ``.`` and ``-``; if the note is blank; or if the instant has no zone.
    """

    venue: str
    tier: str
    maker_bps: float
    taker_bps: float
    effective_from: datetime
    note: str
    min_volume_30d_usd: float | None = None

    def __post_init__(self) -> None:
        venue_spec(self.venue)
        _require_sense(self.tier, self.effective_from, self.note)
        self._require_fee("maker", self.maker_bps, MIN_MAKER_BPS)
        self._require_fee("taker", self.taker_bps, MIN_TAKER_BPS)
        volume = self.min_volume_30d_usd
        if volume is not None and not 0 <= volume < float("inf"):
            raise FeeRefusedError(
                f"a 30-day volume of {volume:g} USD for {self.venue} {self.tier} makes no sense",
                hint="state US dollars, 0 where no volume is needed",
            )

    @property
    def doubts(self) -> list[str]:
        """What is allowed and still looks like a slip."""
        if self.maker_bps <= self.taker_bps:
            return []
        return [
            f"the maker fee, {self.maker_bps:g} bps, is above the taker fee, {self.taker_bps:g} bps"
        ]

    def _require_fee(self, side: str, fee: float, lowest: float) -> None:
        if not lowest <= fee <= MAX_FEE_BPS:
            raise FeeRefusedError(
                f"a {side} fee of {fee:g} bps for {self.venue} {self.tier} lies outside "
                f"{lowest:g} to {MAX_FEE_BPS:g} bps",
                hint="fees are in basis points: 0.045 % is 4.5; only makers are paid rebates",
            )


def set_fees(settings: Settings, fees: NewFees, *, recorded_by: str, run_id: str) -> pl.DataFrame:
    """Record an override, in force at once; returns the row of ``core.fee_overrides``.

    Raises
    ------
    FeeRefusedError
        If the fees would begin before all history, or more than a year ahead.
    UnknownTierError
        If the venue has no such tier and no volume is stated that it applies from.
    """
    now = datetime.now(UTC)
    if not FIRST_PERPETUAL <= fees.effective_from <= now + _FURTHEST_AHEAD:
        raise FeeRefusedError(
            f"fees of {fees.venue} {fees.tier} cannot begin at {fees.effective_from.isoformat()}",
            hint=f"state a time from {FIRST_PERPETUAL:%Y-%m-%d} to a year ahead",
        )
    message = f"fees of {fees.venue} {fees.tier} set by {recorded_by}"
    with (
        Lake(settings) as lake,
        lake.commit(run_id, message, tables=(FEE_OVERRIDES,)) as transaction,
    ):
        volume = fees.min_volume_30d_usd
        stated = asdict(fees) | {
            "effective_from": fees.effective_from.astimezone(UTC),
            "min_volume_30d_usd": _known_volume(lake, fees) if volume is None else volume,
            "recorded_by": recorded_by,
            "revoked": False,
        }
        row = _override(lake, stated, now)
        transaction.append(FEE_OVERRIDES, row)
    return row


def revoke_fees(
    settings: Settings,
    *,
    venue: str,
    tier: str,
    effective_from: datetime,
    note: str,
    recorded_by: str,
    run_id: str,
) -> pl.DataFrame:
    """Withdraw an override, which uncovers the seed; returns the row of ``core.fee_overrides``.

    Raises
    ------
    UnknownVenueError
        If no venue has that name.
    FeeRefusedError
        If the note is blank, the tier cannot be one, or the instant has no zone.
    UnknownTierError
        If no override of that tier stands; the hint names the tiers that have one.
    NoOverrideError
        If none stands that applies from that instant; the hint names the instants of those that do.
    """
    venue_spec(venue)
    _require_sense(tier, effective_from, note)
    message = f"fees of {venue} {tier} revoked by {recorded_by}"
    with (
        Lake(settings) as lake,
        lake.commit(run_id, message, tables=(FEE_OVERRIDES,)) as transaction,
    ):
        withdrawn = _standing_override(lake, venue, tier, effective_from)
        stated = withdrawn | {"note": note, "recorded_by": recorded_by, "revoked": True}
        row = _override(lake, stated, datetime.now(UTC))
        transaction.append(FEE_OVERRIDES, row)
    return row


def _standing_override(
    lake: Lake, venue: str, tier: str, effective_from: datetime
) -> dict[str, object]:
    """Find the row that set the override, if it stands."""
    standing = lake.read(_STANDING, [venue])
    of_tier = standing.filter(pl.col("tier") == tier)
    if of_tier.is_empty():
        tiers = ", ".join(standing["tier"].unique().sort())
        raise UnknownTierError(
            f"no override of {venue} {tier} stands",
            hint=f"{venue} has overrides of {tiers}" if tiers else f"{venue} has no overrides",
        )
    wanted = of_tier.filter(pl.col("effective_from") == effective_from.astimezone(UTC))
    if wanted.is_empty():
        starts = ", ".join(start.isoformat() for start in of_tier["effective_from"].sort())
        raise NoOverrideError(
            f"no override of {venue} {tier} from {effective_from.isoformat()} stands",
            hint=f"those that stand begin at {starts}",
        )
    return wanted.row(0, named=True)


def _known_volume(lake: Lake, fees: NewFees) -> float | None:
    """Find the volume that the tier applied from until then, or from the first time it is known."""
    columns = "tier, effective_from, min_volume_30d_usd"
    published = f"SELECT {columns} FROM {FEE_SCHEDULES.full_name} WHERE venue = ?"
    overridden = f"SELECT {columns} FROM ({_STANDING})"
    known = pl.concat(lake.read(sql, [fees.venue]) for sql in (published, overridden))
    known = known.sort("effective_from", maintain_order=True)  # of two at once, the override
    of_tier = known.filter(pl.col("tier") == fees.tier)
    if of_tier.is_empty():
        if fees.tier == BASE_TIER:
            return 0.0
        raise UnknownTierError(
            f"{fees.venue} has no tier {fees.tier!r}",
            hint=f"it has {', '.join(sorted({BASE_TIER, *known['tier']}))}; a new one needs the "
            "30-day volume that it applies from",
        )
    since = fees.effective_from.astimezone(UTC)
    known_by_then = of_tier["effective_from"].search_sorted(since, side="right")
    volume: float | None = of_tier["min_volume_30d_usd"][max(known_by_then - 1, 0)]
    return volume


def _override(lake: Lake, values: Mapping[str, object], now: datetime) -> pl.DataFrame:
    """Make a row of the audit trail, recorded after every other whatever the clock says."""
    newest = lake.read(f"SELECT max(recorded_at) FROM {FEE_OVERRIDES.full_name}").item()
    recorded_at = now if newest is None else max(now, newest + _TICK)
    return pl.DataFrame(
        [{**values, "recorded_at": recorded_at}], schema=FEE_OVERRIDES.polars_schema
    )


def _require_sense(tier: str, effective_from: datetime, note: str) -> None:
    """Require a tier that can be named on a command line, an instant, and a reason."""
    if effective_from.tzinfo is None:
        raise FeeRefusedError(
            f"the time {effective_from} has no zone", hint="say which instant is meant: use UTC"
        )
    if not _TIER_NAME.fullmatch(tier):
        raise FeeRefusedError(
            f"{tier!r} is no name of a tier",
            hint="use lower-case letters, digits, '_', '.' and '-', such as vip_1",
        )
    if not note.strip():
        raise FeeRefusedError("the note is empty", hint="say why: an announcement, an agreement")
