"""The matrix of drift: what can change in a venue's answers, and what nobody can tell from one.

A cell is a venue, a dataset, a mutation and, where the mutation is of a field, that field. The file
is longer than others because most of it is two tables: the fields that drive money, and the cells
that nobody can tell.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from funding_platform.sandbox.faults import Body, Fault, FieldFault, Rows

Dataset = Literal["history", "snapshot"]
Kind = Literal["rate", "side", "time", "interval", "price"]


class Field(NamedTuple):
    """A field that drives money: its endpoint, its name on the wire, and what it stands for."""

    path: str
    name: str
    kind: Kind


def fields(path: str, **kinds: str | tuple[str, ...]) -> tuple[Field, ...]:
    """Fields of one endpoint, names by kind."""
    return tuple(
        Field(path, name, kind)  # type: ignore[arg-type]
        for kind, names in kinds.items()
        for name in ((names,) if isinstance(names, str) else names)
    )


_BINANCE: dict[Dataset, tuple[Field, ...]] = {
    "history": fields("/fapi/v1/fundingRate", rate="fundingRate", time="fundingTime"),
    "snapshot": (
        *fields(
            "/fapi/v1/premiumIndex",
            rate="lastFundingRate",
            time="nextFundingTime",
            price="markPrice",
        ),
        *fields("/fapi/v1/fundingInfo", interval="fundingIntervalHours"),
    ),
}

MONEY: dict[str, dict[Dataset, tuple[Field, ...]]] = {
    "binance": _BINANCE,
    "bybit": {
        "history": fields(
            "/v5/market/funding/history", rate="fundingRate", time="fundingRateTimestamp"
        ),
        "snapshot": fields(
            "/v5/market/tickers",
            rate="fundingRate",
            time="nextFundingTime",
            interval="fundingIntervalHour",
            price="markPrice",
        ),
    },
    "okx": {
        "history": fields(
            "/api/v5/public/funding-rate-history", rate="realizedRate", time="fundingTime"
        ),
        "snapshot": (
            *fields(
                "/api/v5/public/funding-rate",
                rate="fundingRate",
                time=("fundingTime", "nextFundingTime"),
            ),
            *fields("/api/v5/public/mark-price", price="markPx"),
        ),
    },
    "hyperliquid": {
        "history": fields("/info#fundingHistory", rate="fundingRate", time="time"),
        "snapshot": fields("/info#metaAndAssetCtxs", rate="funding", price="markPx"),
    },
    "lighter": {
        "history": fields("/api/v1/fundings", rate="rate", side="direction", time="timestamp"),
        "snapshot": (
            *fields("/api/v1/funding-rates", rate="rate"),
            *fields("/api/v1/orderBookDetails", price="mark_price"),
        ),
    },
    "extended": {
        "history": fields("/api/v1/info/{market}/funding", rate="f", time="T"),
        "snapshot": fields(
            "/api/v1/info/markets", rate="fundingRate", time="nextFundingRate", price="markPrice"
        ),
    },
    "backpack": {
        "history": fields("/api/v1/fundingRates", rate="fundingRate", time="intervalEndTimestamp"),
        "snapshot": (
            *fields(
                "/api/v1/markPrices",
                rate="fundingRate",
                time="nextFundingTimestamp",
                price="markPrice",
            ),
            *fields("/api/v1/markets", interval="fundingInterval"),
        ),
    },
    "grvt": {
        "history": fields(
            "/full/v1/funding",
            rate="funding_rate",
            time="funding_time",
            interval="funding_interval_hours",
        ),
        "snapshot": (
            *fields(
                "/full/v1/ticker",
                rate="funding_rate",
                time="next_funding_time",
                price="mark_price",
            ),
            *fields("/full/v1/all_instruments", interval="funding_interval_hours"),
        ),
    },
    "edgex": {
        "history": fields(
            "/api/v2/public/funding/getFundingRatePage",
            rate="fundingRate",
            time="fundingTime",
            interval="fundingRateIntervalMin",
        ),
        "snapshot": (
            *fields(
                "/api/v2/public/funding/getLatestFundingRate",
                rate="forecastFundingRate",
                time="fundingTime",
                interval="fundingRateIntervalMin",
            ),
            *fields("/api/v2/public/quote/getTicker", price="markPrice"),
        ),
    },
    "aster": _BINANCE,
    "coingecko": {
        # The time is not read: whatever becomes of it is harmless, and the cells show it.
        "snapshot": fields(
            "/api/v3/derivatives", rate="funding_rate", time="last_traded_at", price="price"
        ),
    },
    "deribit": {
        "history": fields(
            "/api/v2/public/get_funding_rate_history", rate="interest_1h", time="timestamp"
        ),
        "snapshot": fields(
            "/api/v2/public/get_book_summary_by_currency", rate="funding_8h", price="mark_price"
        ),
    },
    "paradex": {
        "history": fields(
            "/v1/funding/data",
            rate=("funding_index", "funding_premium", "funding_rate"),
            time="created_at",
            interval="funding_period_hours",
        ),
        "snapshot": (
            *fields("/v1/markets/summary", rate="funding_rate", price="mark_price"),
            *fields("/v1/markets", interval="funding_period_hours"),
        ),
    },
    "drift": {
        "history": fields(
            "/market/{symbol}/fundingRates",
            rate="fundingRateLong",
            price="oraclePriceTwap",
            time="ts",
        ),
        "snapshot": (
            *fields("/stats/markets", rate="long"),
            *fields("/l2", price="markPrice"),
        ),
    },
}
"""The fields that drive money, by venue and dataset. The first endpoint is the one whose rows and
body are spoilt."""

ONE_BY_ONE: dict[str, str] = {"grvt": "/full/v1/all_instruments"}
"""Where the snapshot has no list of its own: the list that it asks one by one."""


class Mutation(NamedTuple):
    """One way to spoil an answer: of a field of certain kinds, or of the whole answer."""

    name: str
    actions: tuple[str, ...]
    kinds: frozenset[Kind] | None


_NUMBERS: frozenset[Kind] = frozenset({"rate", "interval", "price"})
_ALL: frozenset[Kind] = _NUMBERS | {"side", "time"}

MUTATIONS: tuple[Mutation, ...] = (
    Mutation("missing", ("drop",), _ALL),
    Mutation("null", ("null",), _ALL),
    Mutation("renamed", ("rename",), _ALL),
    Mutation("mistyped", ("mistype",), _ALL),
    Mutation("unit x100", ("hundredfold",), _NUMBERS),
    Mutation("sign flip", ("negate",), _NUMBERS | {"side"}),
    Mutation("time", ("shift_time", "rescale_time"), frozenset({"time"})),
    Mutation("NaN", ("nan",), _ALL),
    Mutation("duplicate", ("duplicate",), None),
    Mutation("reorder", ("reverse",), None),
    Mutation("truncated page", ("drop_tail",), None),
    Mutation("HTML", ("html",), None),
)


class Cell(NamedTuple):
    """One field of the matrix."""

    venue: str
    dataset: Dataset
    mutation: str
    action: str
    path: str
    field: str

    @property
    def fault(self) -> Fault:
        """What the sandbox is told to do."""
        where = {"venue": self.venue, "path": self.path}
        if self.field:
            return FieldFault(action=self.action, field=self.field, **where)
        if self.action == "html":
            return Body(action="html", **where)
        return Rows(action=self.action, **where)

    def __str__(self) -> str:
        return "-".join(filter(None, (self.venue, self.dataset, self.action, self.field)))


def cells() -> Iterator[Cell]:
    """The whole matrix."""
    for venue, datasets in MONEY.items():
        for dataset, money in datasets.items():
            for mutation in MUTATIONS:
                for action in mutation.actions:
                    if mutation.kinds is None:
                        path = ONE_BY_ONE.get(venue, "") if dataset == "snapshot" else ""
                        yield Cell(venue, dataset, mutation.name, action, path or money[0].path, "")
                    else:
                        for field in money:
                            if field.kind in mutation.kinds:
                                yield Cell(
                                    venue, dataset, mutation.name, action, field.path, field.name
                                )


class Untold(NamedTuple):
    """Cells that no single payload gives away, and what finds them.

    ``fields`` are ``venue field``, or the venue alone where whole rows are concerned.
    """

    mutation: str
    dataset: Dataset
    found_by: str
    fields: tuple[str, ...]


_SETTLED = (
    "binance fundingRate",
    "bybit fundingRate",
    "okx realizedRate",
    "hyperliquid fundingRate",
    "extended f",
    "backpack fundingRate",
    "grvt funding_rate",
    "edgex fundingRate",
    "aster fundingRate",
    "deribit interest_1h",
    "paradex funding_index",
    "drift fundingRateLong",
)
_PREDICTED = (
    "binance lastFundingRate",
    "bybit fundingRate",
    "okx fundingRate",
    "hyperliquid funding",
    "lighter rate",
    "extended fundingRate",
    "backpack fundingRate",
    "grvt funding_rate",
    "edgex forecastFundingRate",
    "aster lastFundingRate",
    "deribit funding_8h",
    "paradex funding_rate",
    "drift long",
)

UNTOLD: tuple[Untold, ...] = (
    Untold(
        "unit x100",
        "history",
        "predicted_agrees",
        (
            *_SETTLED,
            "lighter rate",
            "paradex funding_premium",
            "paradex funding_rate",
            "drift oraclePriceTwap",
        ),
    ),
    Untold("unit x100", "snapshot", "predicted_agrees", _PREDICTED),
    Untold("unit x100", "snapshot", "second_opinion", ("coingecko funding_rate",)),
    Untold("sign flip", "history", "predicted_agrees", (*_SETTLED, "lighter direction")),
    Untold("sign flip", "snapshot", "predicted_agrees", _PREDICTED),
    Untold("sign flip", "snapshot", "second_opinion", ("coingecko funding_rate",)),
    Untold("reorder", "snapshot", "second_opinion", ("hyperliquid",)),
    Untold(
        "truncated page",
        "snapshot",
        "covers_listed",
        (
            "binance",
            "bybit",
            "okx",
            "lighter",
            "extended",
            "backpack",
            "grvt",
            "edgex",
            "aster",
            "deribit",
            "paradex",
            "drift",
        ),
    ),
    Untold("truncated page", "snapshot", "nothing", ("coingecko",)),
)
"""The one list of what passes. Everything else in the matrix is caught or harmless."""


def found_by() -> dict[Cell, str]:
    """What finds each cell of ``UNTOLD``."""
    named = {(cell.mutation, cell.dataset, f"{cell.venue} {cell.field}".strip()): cell
             for cell in cells() if cell.mutation != "time"}  # fmt: skip
    return {
        named[row.mutation, row.dataset, field]: row.found_by
        for row in UNTOLD
        for field in row.fields
    }
