"""Which table the rows of a file are for."""

from collections.abc import Mapping
from typing import Any, Final

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS
from funding_platform.core.validation_errors import did_you_mean
from funding_platform.flows.errors import MappingError
from funding_platform.flows.importing.files.archives import Member
from funding_platform.flows.importing.files.peek import columns_of
from funding_platform.flows.importing.layouts import preset_for
from funding_platform.flows.importing.mapping import command, listed
from funding_platform.flows.importing.series.presets import KLINES, kline_fields
from funding_platform.flows.importing.series.tables import SERIES

NAMES: Final = (FUNDING_RATES.name, *SERIES, INSTRUMENTS.name)
"""Tables that files can be imported into."""


def table_for(member: Member, told: Mapping[str, Any]) -> str:
    """Name the table that a file's rows are for: as told, else as its layout has it.

    A file of no known layout holds settled rates.

    Raises
    ------
    MappingError
        If there is no such table, or a layout of several tables leaves it open.
    """
    if (name := told.get("table")) is not None:
        if name not in NAMES:
            raise MappingError(
                f"table: there is no {name!r} to import into{did_you_mean(str(name), NAMES)}",
                hint=f"one of {', '.join(NAMES)}",
            )
        return str(name)
    header = listed(told.get("header", ()))
    preset = None if "time" in told else preset_for(columns_of(member, header))
    if preset is not KLINES:
        return FUNDING_RATES.name if preset is None else preset.table
    table = kline_fields(member.paths, None).get("table")
    if table is None:
        tell = {"table": "spot_candles"}, {"table": "price_candles", "kind": "trade"}
        raise MappingError(
            f"{member.name}: klines, and nothing says whether of spot or of a perpetual, and of "
            "which price",
            hint=" or ".join(command(member.path, told, one) for one in tell)
            + "; the folders of the public data (futures/um/monthly/klines/...) say it too",
        )
    return str(table)
