"""What is wrong now, by the alerts of this machine."""

from typing import Final

import polars as pl

from funding_platform.core.tables.columns import real_column, text_column, time_column
from funding_platform.core.tables.schema import Column, Type, schema_of
from funding_platform.settings import Settings
from funding_platform.telemetry.alerts.rules import RULES
from funding_platform.telemetry.alerts.store import AlertStore

ALERTS: Final = (
    Column("kind", Type.TEXT, "What is watched.", nullable=False, values=tuple(RULES)),
    text_column("subject", "About which table, venue, pair or run."),
    Column(
        "severity",
        Type.TEXT,
        "How bad it is.",
        nullable=False,
        values=("critical", "warning", "info"),
    ),
    text_column("title", "What is wrong, in a few words."),
    text_column("text", "What was seen last, in a sentence."),
    real_column("value", "The figure that was seen last; its unit is in unit."),
    text_column("unit", "Unit of value and threshold."),
    real_column("threshold", "The bound at which it began; its unit is in unit."),
    time_column("since", "When it began.", nullable=False),
)
"""What ``active_alerts`` returns."""

_WORST_FIRST: Final = {"critical": 0, "warning": 1, "info": 2}


def active_alerts(settings: Settings) -> pl.DataFrame:
    """Read the alerts that are active: rows of ``ALERTS``, the worst first, then the newest.

    Raises
    ------
    AlertStateError
        If the file that knows them cannot be read.
    """
    schema = schema_of(ALERTS)
    if not settings.alerts_file.exists():  # opening would make it
        return schema.to_frame()
    with AlertStore(settings.alerts_file) as store:
        rows = [alert.model_dump(include=set(schema)) for alert in store.active()]
    order = pl.col("severity").replace_strict(_WORST_FIRST, return_dtype=pl.Int8)
    return pl.DataFrame(rows, schema=schema).sort(order, "since", descending=[False, True])
