"""The tables that say how funding behaved: distributions, likeness across venues, and service.

Built by dbt from ``core``, like all marts. The periods of the statistics end at the newest
settlement of the lake, not at the clock, so that the same lake gives the same figures at any time.
"""

from typing import Final

from funding_platform.core.tables.columns import (
    PER_8H,
    PER_YEAR,
    VENUE,
    VENUE_SYMBOL,
    real_column,
    text_column,
    time_column,
)
from funding_platform.core.tables.schema import Column, Table, Type

_MS = "milliseconds"


def _count(name: str, description: str, *, nullable: bool = False) -> Column:
    return Column(name, Type.INTEGER, description, nullable=nullable)


def _share(name: str, description: str) -> Column:
    return Column(name, Type.REAL, description, "fraction", minimum=0.0, maximum=1.0)


DEFAULT_FUNDING_RATES: Final = Table(
    "core",
    "default_funding_rates",
    "The rate that a venue charges while the premium stays small, its interest component; a dbt "
    "seed with its sources. A venue that has none, or whose rate is not known, has no row.",
    key=("venue", "effective_from"),
    columns=(
        VENUE,
        time_column("effective_from", "First instant at which it applies.", nullable=False),
        Column(
            "default_rate_8h",
            Type.REAL,
            "The default, scaled to 8 hours; venues scale it to their intervals.",
            PER_8H,
            nullable=False,
            minimum=0.0,
            maximum=0.01,
        ),
        Column(
            "tolerance",
            Type.REAL,
            "Half of the last digit that the venue prints of a rate: closer is the same rate.",
            "fraction of notional per funding interval",
            nullable=False,
            minimum=0.0,
            maximum=1e-6,
        ),
        text_column("source", "Where the figures come from."),
    ),
)

_PERIOD = Column(
    "period",
    Type.TEXT,
    "1d, 7d, 30d and 90d end at as_of and leave their first instant out; all is everything.",
    nullable=False,
    values=("1d", "7d", "30d", "90d", "all"),
)
_AS_OF = time_column(
    "as_of", "End of the period: the newest settlement of the lake.", nullable=False
)

_DISTRIBUTION = (
    _count("settlements", "Settlements made in the period."),
    _count(
        "expected",
        "Settlements and those that are missing: between others, by the spacing, but for pauses of "
        "the asset class; after the last one, while the instrument is listed as trading.",
    ),
    _count(
        "unscaled",
        "Settlements of unknown interval, which no figure below can count.",
    ),
    real_column("mean_8h", "Mean of the settled rates.", PER_8H),
    real_column("median_8h", "Median of the settled rates.", PER_8H),
    real_column(
        "sigma_8h", "Sample standard deviation of the settled rates; null for one.", PER_8H
    ),
    real_column("min_8h", "Lowest settled rate.", PER_8H),
    real_column("quartile_1_8h", "First quartile, linear between neighbours.", PER_8H),
    real_column("quartile_3_8h", "Third quartile, linear between neighbours.", PER_8H),
    real_column("max_8h", "Highest settled rate.", PER_8H),
    real_column(
        "volatility",
        "sqrt(8760 n / (n - 1) sum((r - y h)^2) / sum(h)) of rates r that pay for h hours, y = "
        "sum(r) / sum(h): the standard deviation of a year's funding if settlements were "
        "independent; 0 for a yield that stays the same, however its hours are divided.",
        "fraction per square root of a year",
    ),
    real_column(
        "mean_apr",
        "Sum of funding_rate over sum of interval_hours, annualised, simple: every hour "
        "counts once, whatever the interval.",
        PER_YEAR,
    ),
    _share("share_positive", "Settlements at which longs paid."),
    _share(
        "share_at_default",
        "Settlements at the venue's default rate (core.default_funding_rates), of those whose "
        "venue has one; null where none has.",
    ),
    Column(
        "autocorrelation",
        Type.REAL,
        "Correlation of each rate with the one before, of the same instrument and with none "
        "missing between; null below three pairs or without variation.",
        minimum=-1.0,
        maximum=1.0,
    ),
    time_column("first_funding_time", "First settlement of the period."),
    time_column("last_funding_time", "Last settlement of the period."),
)

FUNDING_RATE_STATS: Final = Table(
    "marts",
    "funding_rate_stats",
    "How the settled rates of every instrument were distributed, over periods that end at the "
    "newest settlement. Every settlement counts once, scaled to 8 hours.",
    key=("venue", "venue_symbol", "period"),
    columns=(
        VENUE,
        VENUE_SYMBOL,
        text_column(
            "base",
            "Canonical base asset; null for an instrument that was never listed.",
            nullable=True,
        ),
        _PERIOD,
        _AS_OF,
        *_DISTRIBUTION,
    ),
)

VENUE_FUNDING_STATS: Final = Table(
    "marts",
    "venue_funding_stats",
    "The same over all instruments of a venue, and of all venues together. Every settlement "
    "counts once, so instruments that settle hourly weigh more; in mean_apr they do not.",
    key=("venue", "period"),
    columns=(
        text_column("venue", "Name of the venue, or 'all venues'."),
        _PERIOD,
        _AS_OF,
        _count("instruments", "Instruments that settled or should have."),
        *_DISTRIBUTION,
    ),
)

FUNDING_RATE_CORRELATIONS: Final = Table(
    "marts",
    "funding_rate_correlations",
    "How alike two venues' funding of one base moved. Both are summed over the same eight hours, "
    "since an hourly copy of an 8-hour rate only repeats itself; windows that either did not "
    "settle whole are left out.",
    key=("base", "venue_1", "symbol_1", "venue_2", "symbol_2", "period"),
    columns=(
        text_column("base", "Canonical base asset."),
        text_column("venue_1", "The venue that comes first by name."),
        text_column("symbol_1", "Its symbol."),
        text_column("venue_2", "The other venue."),
        text_column("symbol_2", "Its symbol."),
        Column(
            "period",
            Type.TEXT,
            "7d, 30d and 90d end at as_of and leave their first instant out.",
            nullable=False,
            values=("7d", "30d", "90d"),
        ),
        _AS_OF,
        _count("windows", "Windows of eight hours that both settled whole."),
        Column(
            "correlation",
            Type.REAL,
            "Pearson's, of the funding in these windows; null below three or without variation.",
            minimum=-1.0,
            maximum=1.0,
        ),
        real_column(
            "mean_difference_8h", "Mean of the first venue's funding less the second's.", PER_8H
        ),
        _share("share_higher", "Windows in which the first venue's funding was the higher."),
    ),
)

FUNDING_RATES_RESAMPLED: Final = Table(
    "marts",
    "funding_rates_resampled",
    "Settled funding on a common clock, at 1, 4, 8 and 24 hours. A settlement is shared out "
    "evenly over the hours that it pays for, which end at the full hour nearest to it, so that "
    "the buckets of each resolution add up to the settlements.",
    key=("venue", "venue_symbol", "resolution_hours", "bucket_end"),
    columns=(
        text_column("venue", "Name of the venue.", nullable=True),
        text_column("venue_symbol", "The venue's own symbol.", nullable=True),
        Column("resolution_hours", Type.INTEGER, "Length of the bucket: 1, 4, 8 or 24.", "hours"),
        time_column("bucket_end", "End of the bucket, which is part of it; its start is not."),
        real_column(
            "funding_rate",
            "Funding of the bucket.",
            "fraction of notional per bucket, positive = longs pay shorts",
        ),
        real_column(
            "covered_hours",
            "Hours of it that settlements pay for; more than it has where a venue settled early, "
            "null where an interval is unknown and the rate is filed under its last hour.",
            "hours",
        ),
        real_column("apr", "funding_rate over covered_hours, annualised, simple.", PER_YEAR),
        _count("settlements", "Settlements made in the bucket.", nullable=True),
    ),
    view=True,
)

VENUE_HEALTH: Final = Table(
    "marts",
    "venue_health",
    "How every venue has served us, as of the newest attempt to collect from any. Attempts are "
    "rows of core.collection_log that asked the venue; imports do not.",
    key=("venue",),
    columns=(
        VENUE,
        time_column("as_of", "End of the newest attempt at any venue; the 7 days end here."),
        time_column("last_attempt_at", "End of the newest attempt."),
        time_column("last_success_at", "End of the newest attempt that stored something."),
        _count(
            "consecutive_errors",
            "Failed attempts in a row at one dataset: of the dataset with most of them.",
            nullable=True,
        ),
        text_column("failing_dataset", "That dataset; null where none fails.", nullable=True),
        _count("attempts_7d", "Attempts of the last 7 days.", nullable=True),
        _share("error_rate_7d", "Those of them that failed."),
        real_column("mean_latency_ms_7d", "Mean time to an answer, over their requests.", _MS),
        text_column(
            "breaker_state",
            "Of the newest attempt: closed, open, half-open or banned.",
            nullable=True,
        ),
        text_column("last_error_kind", "Class of the newest error or warning.", nullable=True),
        text_column("last_error", "What it said.", nullable=True),
        time_column("oldest_funding_time", "First settlement stored."),
        time_column("newest_funding_time", "Last settlement stored."),
        time_column("newest_snapshot_at", "Last look at any market of the venue."),
        time_column(
            "stalest_snapshot_at",
            "Oldest of the last looks at its instruments that are listed as trading.",
        ),
    ),
)

STATISTICS: Final = (
    FUNDING_RATE_STATS,
    VENUE_FUNDING_STATS,
    FUNDING_RATE_CORRELATIONS,
    FUNDING_RATES_RESAMPLED,
    VENUE_HEALTH,
)
