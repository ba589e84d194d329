"""What an account holds, is worth, is paid and pays."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from funding_platform.core.symbols import ContractType
from funding_platform.core.trading import payoffs
from funding_platform.core.trading.orders import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A position on one venue, one per symbol: accounts are in one-way mode.

    Parameters
    ----------
    quantity
        Canonical base, or US dollars of an inverse contract; negative when short.
    entry_price
        Average price of what is held.
    mark_price
        Price that it is valued at.
    margin_usd
        What it needs to be kept.
    liquidation_price
        Where the venue takes it; None where it cannot say, or never does.
    contract_type
        What ``quantity`` is.
    locked_usd
        What of the account's equity stands behind this position and no other, its profit included.
    margin_ratio
        What that is worth over what has to be kept of it; None where the whole account stands
        behind the position.
    """

    venue_symbol: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    margin_usd: Decimal
    liquidation_price: Decimal | None = None
    contract_type: ContractType = "linear"
    locked_usd: Decimal = ZERO
    margin_ratio: Decimal | None = None

    @property
    def unrealized_usd(self) -> Decimal:
        """Profit that is not realised, at the mark."""
        inverse = self.contract_type == "inverse"
        return payoffs.pnl_usd(inverse, self.quantity, self.entry_price, self.mark_price)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an account is worth.

    Parameters
    ----------
    cash_usd
        Deposits, plus everything realised: closed trades, fees, funding.
    equity_usd
        cash + unrealised profit of all positions.
    free_usd
        What new positions may use.
    maintenance_usd
        Below this equity the venue liquidates.
    """

    cash_usd: Decimal
    equity_usd: Decimal
    free_usd: Decimal
    maintenance_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPayment:
    """Funding of one settlement, ``payoffs.funding_usd``, known by its ``payment_id``.

    Parameters
    ----------
    amount_usd
        Received; negative when paid. Venues differ in the sign (Bybit and GRVT are opposite).
    """

    payment_id: str
    venue_symbol: str
    quantity: Decimal
    rate: Decimal
    amount_usd: Decimal
    paid_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRates:
    """What a fill costs on this account, in basis points; negative is a rebate."""

    maker_bps: Decimal
    taker_bps: Decimal
