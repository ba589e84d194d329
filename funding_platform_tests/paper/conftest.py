"""The market and the venue of the cases worked by hand."""

import pytest

from funding_platform.paper import PaperEngine
from funding_platform_tests.paper.markets import WrittenMarket, opened


@pytest.fixture
def market() -> WrittenMarket:
    market = WrittenMarket()
    market.write(bids=[(99.9, 1), (99.8, 2)], asks=[(100.1, 1), (100.2, 2)], mark=100)
    return market


@pytest.fixture
def engine(market: WrittenMarket) -> PaperEngine:
    return opened(market)
