"""What the tests of the wire ask for: paths of the largest venues, and queries."""

from typing import Any

BINANCE = "/binance/fapi/v1/fundingRate"
BYBIT = "/bybit/v5/market/funding/history"
OKX = "/okx/api/v5/public/funding-rate-history"

Query = dict[str, Any]
"""What a request asks for, by name."""
