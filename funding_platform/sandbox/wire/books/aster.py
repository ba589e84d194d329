"""Aster's depth: that of Binance, in its third version."""

from typing import Final

from funding_platform.sandbox.wire.books.binance import route

ROUTES: Final = (route("/fapi/v3/depth"),)
