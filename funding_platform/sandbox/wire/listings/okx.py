"""OKX: rows of ``instruments``."""

from typing import Any

from funding_platform.sandbox.markets.market import Instrument, SpotMarket
from funding_platform.sandbox.wire.decimals import trimmed

X_PERP = "_UM_XPERP-"
_EMPTY = (
    "alias", "auctionEndTime", "baseCcy", "expTime", "freq", "longPosRemainingQuota", "maxMktAmt",
    "maxPlatOICoinLmt", "maxPlatOILmt", "method", "optType", "preMktSwTime", "quoteCcy", "seriesId",
    "shortPosRemainingQuota", "stk",
)  # fmt: skip
_SAME_FOR_ALL = {
    **dict.fromkeys(_EMPTY, ""),
    "category": "1", "ctMult": "1", "floatPxLmtPct": "0.005", "futureSettlement": False,
    "groupId": "4", "initPxLmtPct": "0.02", "instCategory": "1", "instType": "SWAP", "lever": "50",
    "maxIcebergSz": "100000000.0000000000000000", "maxLmtAmt": "20000000", "maxLmtSz": "100000000",
    "maxMktSz": "35000", "maxPxLmtPct": "0.01", "maxStopSz": "35000",
    "maxTriggerSz": "100000000.0000000000000000", "maxTwapSz": "100000000.0000000000000000",
    "openType": "call_auction", "posLmtAmt": "250000", "posLmtPct": "30", "rpiMinLevel": "2",
    "rpiMinPxBand": "20", "ruleType": "normal", "state": "live", "tradeQuoteCcyList": [],
    "upcChg": [],
}  # fmt: skip


def kind_of(instrument: Instrument) -> str:
    """Tell what kind a contract is: X-Perps are futures, of a far expiry."""
    return "FUTURES" if X_PERP in instrument.venue_symbol else "SWAP"


def instrument_row(instrument: Instrument, identity: int) -> dict[str, Any]:
    """Write a contract's row."""
    contract = instrument.contract
    family = f"{contract.base}-{contract.quote}"
    linear = contract.contract_type == "linear"
    step = trimmed(instrument.size_step)
    return {
        **_SAME_FOR_ALL,
        "contTdSwTime": str(instrument.listed_ms),
        "ctType": contract.contract_type,
        "instType": kind_of(instrument),
        "ctVal": trimmed(instrument.contract_size),
        "ctValCcy": contract.base if linear else contract.quote,
        "instFamily": family,
        "instId": instrument.venue_symbol,
        "instIdCode": identity,
        "listTime": str(instrument.listed_ms),
        "lotSz": step,
        "minSz": step,
        "settleCcy": instrument.settle,
        "tickSz": trimmed(instrument.tick_size),
        "uly": family,
    }


def spot_row(market: SpotMarket, identity: int) -> dict[str, Any]:
    """Write a spot market's row."""
    step = trimmed(market.size_step)
    return {
        **_SAME_FOR_ALL,
        "instIdCode": identity,
        "baseCcy": market.base,
        "quoteCcy": market.quote,
        "ctMult": "", "ctType": "", "ctVal": "", "ctValCcy": "", "instFamily": "", "uly": "",
        "settleCcy": "", "contTdSwTime": "",
        "instId": market.venue_symbol,
        "instType": "SPOT",
        "listTime": str(market.listed_ms),
        "lotSz": step,
        "minSz": step,
        "tickSz": trimmed(market.tick_size),
    }  # fmt: skip
