"""The accounts that a trader trades on: one per venue, on paper.

Where a sandbox stands for a venue, the account is there, and belongs to a token that is kept in a
file which only its owner can read. For a real venue it is in this process and in a file of its own,
and trades against the live board. Either way a process that starts again finds what the one before
it held.
"""

import os
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import httpx

from funding_platform.core.system.clock import Clock
from funding_platform.execution.config import TradingConfig
from funding_platform.execution.errors import NoAccountError
from funding_platform.execution.paper.account_file import AccountFile
from funding_platform.execution.paper.board import BoardMarket
from funding_platform.execution.paper.exchange import PaperExchange
from funding_platform.flows.execution.live_board import SETTLED_WITHIN, LiveMarket, VenueBoard
from funding_platform.paper import PaperRules
from funding_platform.settings import Settings
from funding_platform.venues.orders.contract import ExchangeClient
from funding_platform.venues.orders.sandbox import SandboxOrders
from funding_platform.venues.registry import venue_names

Accounts: TypeAlias = Mapping[str, ExchangeClient]
"""By the name of the venue."""

_OPEN: Final = "/_control/paper/accounts"
_TOKEN_BYTES: Final = 24
_ONLY_OURS: Final = 0o600


@asynccontextmanager
async def open_accounts(
    settings: Settings, config: TradingConfig, clock: Clock
) -> AsyncIterator[Accounts]:
    """Open an account on every venue of a configuration, and let go of them afterwards.

    Raises
    ------
    NoAccountError
        If the address of a venue is not a sandbox's, or the sandbox does not answer.
    AccountFileError
        If another process has the account of a real venue.
    """
    named = [venue for venue in config.venues if venue in settings.venue_urls]
    roots = {venue: _sandbox_of(settings, venue) for venue in named}
    real = [venue for venue in config.venues if venue not in roots]
    token = own_token(settings.data_dir / "execution" / "paper.token")
    await _open_all(set(roots.values()), token, config, settings.request_timeout_seconds)
    async with AsyncExitStack() as stack:
        on_boards = _on_boards(stack, settings, config, real, clock)
        yield on_boards | {
            venue: await stack.enter_async_context(
                SandboxOrders(
                    venue,
                    f"{root}/paper/{venue}",
                    token,
                    timeout_seconds=settings.request_timeout_seconds,
                )
            )
            for venue, root in roots.items()
        }


def _on_boards(
    stack: AsyncExitStack,
    settings: Settings,
    config: TradingConfig,
    venues: Sequence[str],
    clock: Clock,
) -> dict[str, ExchangeClient]:
    """Open the accounts that stand for real venues; they trade against the live board."""
    market = LiveMarket(settings, venues, clock)
    accounts: dict[str, ExchangeClient] = {}
    for venue in venues:
        file = AccountFile(settings.data_dir / "execution" / "accounts" / f"{venue}.sqlite")
        stack.callback(file.close)
        engine = file.engine(
            BoardMarket(VenueBoard(market, venue)),
            PaperRules(
                settlement_lateness=SETTLED_WITHIN,
                fees_now=partial(market.fees, venue),
                coin_collateral=config.sizes.coin_collateral,
            ),
            deposit_usd=Decimal(repr(config.sizes.paper_balance_usd)),
        )
        accounts[venue] = PaperExchange(venue, engine, clock=clock, save=file.save)
    return accounts


def can_trade(settings: Settings) -> bool:
    """Tell whether a sandbox stands for two venues at least: no run starts by itself elsewhere."""
    names = settings.venues or venue_names()
    return sum(name in settings.venue_urls for name in names) > 1


def own_token(path: Path) -> str:
    """Read a secret of this user's; one is made where there is none, readable by nobody else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = secrets.token_urlsafe(_TOKEN_BYTES)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _ONLY_OURS)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(made)
    return made


def _sandbox_of(settings: Settings, venue: str) -> str:
    """Return the address of the sandbox that stands for a venue."""
    url = settings.venue_urls[venue].rstrip("/")
    root, _, last = url.rpartition("/")
    if last != venue or not root:
        raise NoAccountError(
            f"there is no account on {venue}: {url} is not a sandbox's address",
            hint="`funding sandbox` prints FUNDING_VENUE_URLS, and `funding dev --sandbox` sets "
            "them; without an address the account stands for the real venue",
        )
    return root


async def _open_all(
    roots: Iterable[str], token: str, config: TradingConfig, timeout_seconds: float
) -> None:
    """Open the accounts; one that there is already stays as it is."""
    sizes = config.sizes
    opening = {
        "token": token,
        "deposit_usd": str(sizes.paper_balance_usd),
        "coin_collateral": str(sizes.coin_collateral),
    }
    async with httpx.AsyncClient(timeout=timeout_seconds) as client:
        for root in roots:
            try:
                (await client.post(f"{root}{_OPEN}", json=opening)).raise_for_status()
            except httpx.HTTPError as error:
                raise NoAccountError(
                    f"the sandbox at {root} opens no account: {error}",
                    hint="is it running, and of this version?",
                ) from error
