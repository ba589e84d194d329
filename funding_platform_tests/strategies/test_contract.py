"""What a backtest shows a strategy through the contract, beyond what the engine's tests look at."""

from collections.abc import Iterator

import pytest

from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.errors import DataError
from funding_platform.strategies import Book, MarketView, MissingDataError, Open, Order
from funding_platform_tests.backtest.markets import START, config, provider_of, settlement

PAID = [
    settlement(venue, hour, rate, 8.0, 100.0)
    for venue, rate in (("a", 0.0), ("b", 1e-3))
    for hour in (0, 8, 16)
]


class Accountant:
    """Opens one pair at once, and notes the account before and after each decision."""

    def __init__(self) -> None:
        self.noted: list[tuple[float, float]] = []

    def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
        self.noted.append((book.equity_usd, book.free_usd))
        if not len(book):
            yield Open(0, 1)
            self.noted.append((book.equity_usd, book.free_usd))


def test_a_book_tells_what_the_account_has_when_it_is_asked() -> None:
    """10,000 dollars a leg at leverage 2 lock 10,000; the short leg is paid 10 at hour 8."""
    strategy = Accountant()
    run_backtest(config(24, decision_hours=8), provider_of(*PAID), strategy)
    assert strategy.noted == [
        (100_000.0, 100_000.0),
        (100_000.0, 90_000.0),
        (pytest.approx(100_010.0), pytest.approx(90_010.0)),
        (pytest.approx(100_020.0), pytest.approx(90_020.0)),
    ]


def test_asking_for_the_account_changes_nothing() -> None:
    class Silent(Accountant):
        def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
            if not len(book):
                yield Open(0, 1)

    setting = config(24, costs={"flat_fee_bps": 2.0})
    asked, silent = (
        run_backtest(setting, provider_of(*PAID), one) for one in (Accountant(), Silent())
    )
    assert asked.equity.equals(silent.equity)
    assert asked.ledger.equals(silent.ledger)


class Doubtful:
    """Asks for what the market has not, and goes on without."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
        for ask in (lambda: market.feature("level"), lambda: market.index("a", "DOGE")):
            try:
                ask()
            except MissingDataError as error:
                self.missed.append(error.message)
        yield from ()


def test_a_strategy_may_go_on_without_what_the_market_has_not() -> None:
    strategy = Doubtful()
    run_backtest(config(1), provider_of(*PAID), strategy)
    assert strategy.missed == ["the data has no feature 'level'", "the data has no a DOGE"]


def test_what_a_strategy_cannot_do_without_ends_a_backtest_as_bad_data() -> None:
    class Needy:
        def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
            raise MissingDataError("tea is needed", hint="put the kettle on")

    with pytest.raises(DataError, match=r"(?s)tea is needed.*hint: put the kettle on"):
        run_backtest(config(1), provider_of(*PAID), Needy())


class Timekeeper:
    """Opens one pair at once, and notes how old it is at each decision."""

    def __init__(self) -> None:
        self.ages: list[float] = []

    def decide(self, market: MarketView, book: Book) -> Iterator[Order]:
        for position in book:
            assert position.ordered_at == START
            self.ages.append(position.age_hours(market.time_us))
        if not len(book):
            yield Open(0, 1)


def test_the_age_of_a_position_counts_from_its_order() -> None:
    strategy = Timekeeper()
    run_backtest(config(3), provider_of(*PAID), strategy)
    assert strategy.ages == [1.0, 2.0]
