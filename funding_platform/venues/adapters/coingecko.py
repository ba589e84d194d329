"""CoinGecko, which relays the tickers of exchanges: a second opinion on the venues we collect.

It states neither a funding interval nor a settlement time and keeps no history, so its rates
cannot be compared before the venue's own interval is known. They serve as a cross-check.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.settings import Settings
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import RateLimitedError, RequestError
from funding_platform.venues.parsing.fields import MaybeReal
from funding_platform.venues.parsing.payloads import Payload, decoder_of, present
from funding_platform.venues.parsing.records import MarketRow
from funding_platform.venues.registry import venue_names
from funding_platform.venues.rest.endpoints import Endpoint, Refusal
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.specification import VenueSpec


class _Derivative(Payload, rename=None):
    market: str  # the exchange's name, as in "Binance (Futures)"
    symbol: str
    contract_type: str
    funding_rate: MaybeReal  # percent, per an interval that only the exchange knows
    mark_price: MaybeReal = msgspec.field(name="price")  # of the last trade
    index_price: MaybeReal = msgspec.field(name="index")
    open_interest_usd: MaybeReal = msgspec.field(name="open_interest")
    volume_24h_usd: MaybeReal = msgspec.field(name="volume_24h")


class _Status(Payload, rename=None):
    error_code: int
    error_message: str = ""


class _Error(Payload, rename=None):
    status: _Status


DERIVATIVES: Final = Endpoint("/api/v3/derivatives", list[_Derivative])
PRO_HOST: Final = "https://pro-api.coingecko.com"

_ERROR: Final = decoder_of(_Error)
_WITHOUT_KEY: Final = (
    "the public tier is shared by everyone behind this address; "
    "set FUNDING_COINGECKO_API_KEY to a key of your own (the demo plan is free)"
)
_KEY_REFUSED: Final = (
    "see FUNDING_COINGECKO_API_KEY: a demo key belongs to api.coingecko.com; for a paid one set "
    f'FUNDING_VENUE_URLS=\'{{"coingecko": "{PRO_HOST}"}}\''
)


def _refusal(status: int, body: bytes) -> Refusal | None:
    """Find the error inside ``status``, with what to set about it."""
    if not 400 <= status < 500:
        return None
    try:
        said = _ERROR.decode(body).status
    except msgspec.DecodeError:
        said = _Status(status, "without a reason")
    no_key = status in (403, 429) or said.error_code == 10002
    return Refusal(
        RateLimitedError if status == 429 else RequestError,
        f"error {said.error_code}: {said.error_message}",
        _WITHOUT_KEY if no_key else _KEY_REFUSED,
    )


def _credentials(settings: Settings, base_url: str) -> Mapping[str, str]:
    """Put the key into the header of its plan, which the host tells."""
    if settings.coingecko_api_key is None:
        return {}
    plan = "pro" if base_url.startswith(PRO_HOST) else "demo"
    return {f"x-cg-{plan}-api-key": settings.coingecko_api_key.get_secret_value()}


def native_venue(market: str) -> str | None:
    """Find the registered venue that CoinGecko means by an exchange's name; None for all others.

    It is the one that the name's first word spells.

    Examples
    --------
    >>> native_venue("Binance (Futures)")
    'binance'
    >>> native_venue("Bitget Futures") is None
    True
    """
    first = market.split(maxsplit=1)[0].lower() if market.strip() else ""
    return first if first in venue_names() else None


class CoinGecko(Venue):
    """Perpetuals of the venues that we collect ourselves, as CoinGecko relays them.

    ``venue_symbol`` is ``<market>:<symbol>``, both as CoinGecko writes them. Markets of other
    exchanges, dated futures, and perpetuals without a rate are left out.
    """

    spec = VenueSpec(
        name="coingecko",
        title="CoinGecko",
        base_url="https://api.coingecko.com",
        docs_url="https://docs.coingecko.com",
        offers=(MARKET_SNAPSHOTS,),
        # Of a demo key; without one less, how much is not published.
        budget=Budget("requests", 100, 60),
        refusal=_refusal,
        credentials=_credentials,
        never_stated=("interval_hours", "next_funding_time"),
    )

    async def fetch_markets(self) -> list[MarketRow]:
        """Fetch the one list of all derivatives; its spread is no best bid and ask."""
        return [
            MarketRow.of(
                row, venue_symbol=f"{row.market}:{row.symbol}", predicted_rate=_fraction(percent)
            )
            for row in await self.fetch(DERIVATIVES)
            if row.contract_type == "perpetual"
            and (percent := present(row.funding_rate)) is not None
            and native_venue(row.market) is not None
        ]


def _fraction(percent: float) -> float:
    """``percent / 100`` in decimal: 0.57 % is 0.0057, where floats make 0.005699999999999999."""
    return float(Decimal(repr(percent)).scaleb(-2))
