"""Figures of who trades, read off the picture that each cycle leaves in the store."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from funding_platform.core.time_grid import parse_instant
from funding_platform.execution.errors import StoreError
from funding_platform.execution.pair.pairs import PairState
from funding_platform.flows.execution.reading import positions, standing
from funding_platform.settings import Settings
from funding_platform.telemetry import declared
from funding_platform.telemetry.metrics import Declared, Family

_log = logging.getLogger(__name__)

_PARTS: Final = ("pnl", "trading", "fees", "funding")
_OF_VENUE: Final[dict[str, Declared]] = {
    "equity_usd": declared.TRADER_EQUITY,
    "margin_ratio": declared.TRADER_MARGIN,
    "reachable": declared.TRADER_REACHABLE,
}


def of_traders(settings: Settings, now: datetime) -> Iterator[Family]:
    """Tell how the trader stands; nothing where none has ever run, or its store does not answer."""
    if not _is_there(settings):
        return
    try:
        told = standing(settings, 0)
        held = positions(settings, PairState.OPEN)
    except StoreError as error:
        _log.warning("no figures of execution: %s", error.message)
        return
    yield declared.TRADER_HALTED.single(float(told.halt.halted))
    yield declared.TRADER_UNHEDGED.single(
        float(held.filter(held["net_base"].abs() > held["lot_base"]).height)
    )
    if told.picture is not None:
        yield from _of_picture(told.picture.content, now)


def _is_there(settings: Settings) -> bool:
    """Tell whether there is a store: to ask for a file that is not there would make it."""
    return settings.execution_url is not None or settings.execution_file.exists()


def _of_picture(content: Mapping[str, Any], now: datetime) -> Iterator[Family]:
    cycle, earned = content["cycle"], content["since_start"]
    age = (now - parse_instant(content["at"])).total_seconds()
    yield declared.TRADER_AGE.single(age)
    yield declared.TRADER_CYCLE.single(cycle["seconds"])
    yield declared.TRADER_REFUSED.single(float(len(cycle["refused"])))
    yield declared.TRADER_NOTIONAL.single(content["totals"]["notional_usd"])
    states = Counter(pair["state"] for pair in content["pairs"])
    yield declared.TRADER_PAIRS.of({(state,): float(number) for state, number in states.items()})
    for name, metric in _OF_VENUE.items():
        yield metric.of(
            {
                (venue["venue"],): float(venue[name])
                for venue in content["venues"]
                if venue[name] is not None
            }
        )
    yield declared.TRADER_PNL.of(
        {(part,): earned[f"{part}_usd"] for part in _PARTS if earned[f"{part}_usd"] is not None}
    )
