"""The venues whose stream the sandbox speaks.

A venue is one module with a ``DIALECT``. Import it here and the sandbox answers on its sockets,
from the same market as its requests.
"""

from funding_platform.sandbox.wire.streams import (
    aster,
    backpack,
    binance,
    bybit,
    deribit,
    edgex,
    extended,
    grvt,
    hyperliquid,
    lighter,
    okx,
    paradex,
)
from funding_platform.sandbox.wire.streams.contract import Dialect

_SPOKEN = (
    *(binance, bybit, okx, hyperliquid, lighter, extended),
    *(backpack, grvt, edgex, aster, deribit, paradex),
)

DIALECTS: dict[str, Dialect] = {module.DIALECT.venue: module.DIALECT for module in _SPOKEN}
