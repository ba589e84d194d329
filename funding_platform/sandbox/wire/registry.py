"""The venues that the sandbox speaks for.

A venue is one module of ``venues`` with a ``WIRE``: its style (how it names and settles contracts,
from which the synthetic market makes it up and the replay reads file names), its routes and its
limits; one in ``candles`` with the routes of prices through time, and one in ``books`` with that of
order books. Import them here and both markets serve it. Other packages add theirs by the entry
point ``funding_platform.sandbox_wires`` (see ``core.system.plugins``).
"""

from dataclasses import replace

from funding_platform.core.system.plugins import WIRES as PLUGINS
from funding_platform.core.system.plugins import loadable
from funding_platform.sandbox.wire import books, candles
from funding_platform.sandbox.wire.contract import Wire
from funding_platform.sandbox.wire.rooms import routes_by_venue
from funding_platform.sandbox.wire.venues import (
    aster,
    backpack,
    binance,
    bybit,
    coingecko,
    deribit,
    drift,
    edgex,
    extended,
    grvt,
    hyperliquid,
    lighter,
    okx,
    paradex,
)

CANDLES = routes_by_venue(candles)
BOOKS = routes_by_venue(books)


def _whole(wire: Wire) -> Wire:
    """Add the routes that have rooms of their own."""
    venue = wire.style.venue
    return replace(wire, routes=(*wire.routes, *CANDLES.get(venue, ()), *BOOKS.get(venue, ())))


WIRES: dict[str, Wire] = {**loadable(PLUGINS, Wire, lambda wire: wire.style.venue)} | {
    module.WIRE.style.venue: _whole(module.WIRE)
    for module in (
        binance,
        bybit,
        okx,
        hyperliquid,
        lighter,
        extended,
        backpack,
        grvt,
        edgex,
        aster,
        coingecko,
        deribit,
        paradex,
        drift,
    )
}
