"""Aster's streams: Binance's as they were before they were split by path."""

from datetime import timedelta
from typing import ClassVar

from funding_platform.venues.adapters.aster.rest import Aster
from funding_platform.venues.adapters.binance.stream import BOOKS, MARKS, TICKERS, FuturesStream
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.streams.contract import StreamSpec


class AsterStream(FuturesStream):
    """All channels on one socket; of what is not listed, nothing."""

    name = "aster"
    rest = Aster
    paths: ClassVar = {"/stream": (MARKS, TICKERS, BOOKS)}
    spec = StreamSpec(
        base_url="wss://fstream.asterdex.com",
        channels=(MARKS, TICKERS, BOOKS),
        messages=Budget("messages", 10, 1),
        subscriptions=200,
        batch=200,
        lifetime=timedelta(hours=24),
    )
