"""The venues whose stream the sandbox speaks.

A venue is one module with a ``DIALECT``. Import it here and the sandbox answers on its sockets,
from the same market as its requests.
"""

from funding_platform.sandbox.wire.streams import (
    backpack,
    bybit,
    edgex,
    extended,
    grvt,
    lighter,
    paradex,
)
from funding_platform.sandbox.wire.streams.contract import Dialect

_SPOKEN = (bybit, lighter, extended, paradex, edgex, grvt, backpack)

DIALECTS: dict[str, Dialect] = {module.DIALECT.venue: module.DIALECT for module in _SPOKEN}
