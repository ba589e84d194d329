"""From the kernel's records to the frames of a result, with what the run has to confess."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from funding_platform.backtest import books as b
from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.data.contracts import few, names_of
from funding_platform.backtest.data.panel import PRICE_KINDS
from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.core.tables.backtests.ledgers import (
    COMPONENTS,
    EQUITY,
    EXPOSURE,
    LEDGER,
    TRADES,
)
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.schema import UTC_TIME, Table
from funding_platform.core.time_grid import HOUR_US

_SOURCES: Final = (*PRICE_KINDS, "reference", "proxy")
_OPEN_TIME: Final = -1
_UNKNOWN: Final = len(_SOURCES)


class Recorder:
    """Rows of equity and exposure as they come, and counts of what went otherwise than asked."""

    def __init__(self, config: BacktestConfig, data: FundingDataProvider) -> None:
        self._config, self._data = config, data
        self.components = np.zeros(len(COMPONENTS))
        self.refused: Counter[int] = Counter()
        self.frozen = 0
        self.stale: set[int] = set()
        """Numbers of the trades that were valued at a price beyond ``stale_after_hours``."""
        self.unfilled = 0
        self._silent: dict[int, list[str]] = {}
        self._apart: dict[str, float] = {}
        self.moved = False
        """Whether a position was opened or closed since the last row."""
        self._rows: list[tuple[float, ...]] = []
        self._exposure: list[tuple[int, NDArray[np.float64]]] = []

    def note_silent(self, reason: int, instrument: int) -> None:
        """Remember whose silence closed a position."""
        self._silent.setdefault(reason, []).extend(names_of(self._data.instruments[instrument]))

    def note_apart(self, status: int, legs: NDArray[np.void]) -> None:
        """Remember the prices of legs that were too far apart for one asset, as first seen."""
        if status != b.GAP_WIDE:
            return
        names = names_of(self._data.instruments[legs["instrument"]])
        for name, price in zip(names, legs["price"].tolist(), strict=True):
            self._apart.setdefault(name, price)

    def opening(self, start_us: int) -> None:
        """Record the capital before anything has happened."""
        capital = self._config.capital_usd
        self._rows.append((start_us, capital, capital, *(0.0,) * (2 + len(COMPONENTS)), 0))

    def row(self, now_us: int, books: b.Books, positions: int) -> None:
        """Record what the account is worth now; at the start the capital stays the first row."""
        if self.moved:
            self._expose(now_us, books)
            self.moved = False
        if self._rows[-1][0] == now_us:
            return
        account = books.account[0]
        row = (
            now_us,
            float(account["equity"]),
            float(account["equity"] - account["unrealised"]),
            float(account["gross"]),
            float(account["net"]),
            *self.components.tolist(),
            positions,
        )
        self._rows.append(row)

    def _expose(self, now_us: int, books: b.Books) -> None:
        """Record the gross notional at entry by venue."""
        legs = books.legs[books.legs["active"]]
        venues = self._data.panel.facts.venue[legs["instrument"]]
        sums = np.bincount(venues, weights=legs["notional"], minlength=len(self._data.venues))
        self._exposure.append((now_us, sums.astype(np.float64, copy=False)))

    def result(self, books: b.Books, reasons: Sequence[str]) -> BacktestResult:
        """Return everything as frames."""
        trades, equity = self._trades(books, reasons), self._equity()
        return BacktestResult(
            config=self._config,
            trades=trades,
            equity=equity,
            ledger=_ledger(books),
            exposure=self._exposures(),
            warnings=(*self._data.notes, *self._warnings(books, trades, equity)),
            data_fingerprint=self._data.fingerprint,
        )

    def _equity(self) -> pl.DataFrame:
        names = (
            "time", "equity", "cash_usd", "gross_usd", "net_usd", *COMPONENTS, "n_positions"
        )  # fmt: skip
        frame = pl.DataFrame(self._rows, schema=list(names), orient="row")
        frame = frame.with_columns(
            _time("time"), drawdown=1.0 - pl.col("equity") / pl.col("equity").cum_max()
        )
        return _shaped(frame, EQUITY)

    def _exposures(self) -> pl.DataFrame:
        """Make a row per time and venue that has, or by then had had, a position."""
        times = np.array([time for time, _ in self._exposure], dtype=np.int64)
        gross = np.array([sums for _, sums in self._exposure]).reshape(-1, len(self._data.venues))
        moments, venues = np.nonzero(np.logical_or.accumulate(gross > 0, axis=0))
        frame = pl.DataFrame(
            {
                "time": times[moments],
                "venue": pl.Series(self._data.venues).gather(venues),
                "gross_usd": gross[moments, venues],
            }
        )
        return _shaped(frame.with_columns(_time("time")), EXPOSURE)

    def _trades(self, books: b.Books, reasons: Sequence[str]) -> pl.DataFrame:
        """List closed legs and open ones, by number."""
        still = b.still_open(books.legs[books.legs["active"]])
        still["closed_us"], still["exit_kind"], still["exit_age_us"] = _OPEN_TIME, _UNKNOWN, -1
        rows = np.concatenate([books.closed[: books.account[0]["n_closed"]], still])
        rows = rows[np.argsort(rows["trade"], kind="stable")]
        done = pl.col("closed_us") != _OPEN_TIME
        frame = (
            self._data.instruments[rows["instrument"]]
            .select(*INSTRUMENT_KEY, "base")
            .with_columns(
                trade_id=rows["trade"],
                position_id=rows["position"],
                side=pl.Series(np.where(rows["sign"] > 0, "long", "short"), dtype=pl.String),
                opened_at=rows["opened_us"],
                closed_us=rows["closed_us"],
                quantity_base=rows["quantity"],
                notional_usd=rows["notional"],
                entry_price=rows["entry"],
                exit_price=rows["exit"],
                price_source=pl.Series(_SOURCES).gather(rows["source_kind"]),
                price_age_hours=rows["price_age_us"] / HOUR_US,
                exit_source=pl.Series((*_SOURCES, None)).gather(rows["exit_kind"]),
                exit_age=rows["exit_age_us"] / HOUR_US,
                funding_usd=rows["funding"],
                price_pnl_usd=rows["price_pnl"],
                fees_usd=rows["fees"],
                slippage_usd=rows["slippage"],
                borrow_usd=rows["borrow"],
                penalty_usd=rows["penalty"],
                traded_usd=rows["traded"],
                impact_usd=rows["impact"],
                n_settlements=rows["settlements"],
                reason=pl.Series(reasons).gather(rows["reason"]),
            )
        )
        frame = frame.with_columns(
            _time("opened_at"),
            closed_at=pl.when(done).then(_time("closed_us")),
            exit_price_source=pl.when(done).then("exit_source"),
            exit_price_age_hours=pl.when(done).then("exit_age"),
            exit_reason=pl.when(done).then("reason"),
        )
        return _shaped(frame, TRADES)

    def _warnings(
        self, books: b.Books, trades: pl.DataFrame, equity: pl.DataFrame
    ) -> Iterator[str]:
        """Yield a sentence for each thing that was assumed, refused or left out."""
        for status, count in sorted(self.refused.items()):
            prices = few(f"{name} at {price:.6g}" for name, price in self._apart.items())
            named = f" ({prices})" if status == b.GAP_WIDE else ""
            yield f"{count} positions were not opened: {b.REFUSALS[status]}{named}"
        yield from self._price_warnings(books, trades)
        for source, meaning in (
            ("proxy", "had no price of their own and were valued at the other leg's"),
            ("index", "were valued at the index price: no mark was known"),
            ("close", "were valued at closes of candles: no mark was known"),
        ):
            some = trades.filter(pl.col("price_source") == source)
            if not some.is_empty():
                yield f"{some.height} legs {meaning} ({few(names_of(some))})"
        if missed := int(books.account[0]["missed"]):
            yield f"{missed} settlements look missing from the data while a leg was open"
        for reason, names in sorted(self._silent.items()):
            verb = "delisted" if reason == b.DELISTED else "without data"
            yield f"positions were closed: {few(names)} {verb}"
        stale = trades.filter(pl.col("trade_id").is_in(list(self.stale)))
        if not stale.is_empty():
            yield (
                f"{stale.height} legs had no price of their own for longer than "
                f"stale_after_hours, and moved with their base ({few(names_of(stale))})"
            )
        if self.frozen:
            yield f"{self.frozen} times a position could not be closed in time: no data"
        if self.unfilled:
            yield f"{self.unfilled} orders were still on their way at the end"
        if (lowest := equity.select(pl.col("equity").min()).item()) < 0:
            yield f"equity fell to {lowest:,.0f} USD: losses beyond a leg's collateral are kept"
        steps = self._data.panel.facts.step
        unknown = self._data.instruments.filter(pl.Series(steps == 0.0)).select(INSTRUMENT_KEY)
        unrounded = trades.join(unknown, on=INSTRUMENT_KEY, how="semi")
        if not unrounded.is_empty():
            yield (
                f"sizes of {unrounded.height} legs were not rounded: order step unknown "
                f"({few(names_of(unrounded))})"
            )
        if count := trades["closed_at"].null_count():
            yield f"{count} legs are still open at the end, valued at their last price"

    def _price_warnings(self, books: b.Books, trades: pl.DataFrame) -> Iterator[str]:
        """Say what was priced at another market's moves, or late."""
        bound = self._config.max_price_age_hours
        late = trades.filter(pl.col("exit_price_age_hours") > bound)
        if not late.is_empty():
            yield (
                f"{late.height} legs were closed at a price older than max_price_age_hours: none "
                f"newer was known ({few(names_of(late))})"
            )
        closed = books.closed[: books.account[0]["n_closed"]]
        some = closed, books.legs[books.legs["active"]]
        moved = [number for rows in some for number in rows["trade"][rows["lone"]].tolist()]
        lone = trades.filter(pl.col("trade_id").is_in(moved))
        if not lone.is_empty():
            yield (
                f"{lone.height} legs moved with the prices of a single other market while their "
                f"own was not stated ({few(names_of(lone))})"
            )


def _ledger(books: b.Books) -> pl.DataFrame:
    """List entries in order of time; at one instant, in the order in which they were written."""
    entries = books.entries[: books.account[0]["n_entries"]]
    entries = entries[np.argsort(entries["time_us"], kind="stable")]
    amounts = dict(zip(COMPONENTS, b.COMPONENT_FIELDS, strict=True))
    frame = pl.DataFrame(
        {
            "seq": np.arange(len(entries)),
            "time": entries["time_us"],
            "kind": pl.Series(b.ENTRY_KINDS).gather(entries["kind"]),
            "trade_id": entries["trade"],
            "price": entries["price"],
            "funding_rate": pl.Series(entries["rate"], nan_to_null=True),
            **{column: entries[field] for column, field in amounts.items()},
        }
    )
    return _shaped(frame.with_columns(_time("time")), LEDGER)


def _shaped(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Select the columns of a table but ``run_id``, in its order and types."""
    schema = {name: kind for name, kind in table.polars_schema.items() if name != "run_id"}
    return frame.select(pl.col(name).cast(kind) for name, kind in schema.items())


def _time(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Int64).cast(UTC_TIME)
