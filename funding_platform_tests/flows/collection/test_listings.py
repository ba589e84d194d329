"""Two assets under one ticker, one from an archive and one collected, in either order."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.errors import DataError
from funding_platform.core.time_grid import HOUR, Window, month_start, to_ms
from funding_platform.flows.backtests.data import provider_from_lake
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.snapshots import collect_instruments
from funding_platform.flows.features.curves import CURVES, FACTORS
from funding_platform.flows.importing.importer import import_files
from funding_platform.flows.queries.upkeep.gaps import gaps_by_name, missing_of
from funding_platform.lake import connect
from funding_platform.sandbox.server import build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform_tests.flows.conftest import settings_for
from funding_platform_tests.known import known
from funding_platform_tests.present import PRESENT

DAY = timedelta(days=1)


class Reused(NamedTuple):
    """A lake, and what it is to be filled from."""

    settings: Settings
    archive: Path
    old: list[datetime]
    new: list[datetime]

    def collect(self) -> None:
        """What the venue has of the ticker's present asset, from before its listing on."""
        collect_instruments(["binance"], self.settings, "instruments")
        window = Window(month_start(self.new[0]), datetime.now(UTC))
        report = collect_history("binance", window, self.settings, "history")
        assert report.missing == {}
        assert report.coverage_share == 1.0

    def read_archive(self) -> list[str]:
        """What someone kept of the old one; returns the notes."""
        archive = [str(self.archive)]
        return import_files(archive, self.settings, "import", told={"venue": "binance"}).notes


def every(hours: int, first: datetime, last: datetime) -> list[datetime]:
    return [first + n * hours * HOUR for n in range(int((last - first) / (hours * HOUR)) + 1)]


@pytest.fixture
def reused(present: None, tmp_path: Path) -> Iterator[Reused]:
    """Of LITUSDT the old asset went on in the archive until days before the new one's listing.

    Both fell into one month, whatever the day is: the new one's is the middle of one.
    """
    listed = month_start(month_start(PRESENT) - 40 * DAY) + 14 * DAY
    new = every(4, listed, PRESENT)
    old = every(8, new[0] - 420 * DAY, new[0] - 330 * DAY) + every(
        8, new[0] - 200 * DAY, new[0] - 10 * DAY
    )
    served = tmp_path / "served" / "funding" / "binance"
    served.mkdir(parents=True)
    for symbol in ("LITUSDT", "BTCUSDT"):
        lines = [f"{to_ms(time)},{(n % 5 - 2) * 1e-5:.8f},4,\n" for n, time in enumerate(new)]
        head = "funding_time_ms,funding_rate,interval_hours,mark_price\n"
        (served / f"{symbol}.csv").write_text(head + "".join(lines))
    archive = tmp_path / "LITUSDT-fundingRate-2025-01.csv"
    rates = [0.0001 if time > old[200] else -0.0012 for time in old]
    archive.write_text(
        "calc_time,funding_interval_hours,last_funding_rate\n"
        + "".join(f"{to_ms(t)},8,{rate:.8f}\n" for t, rate in zip(old, rates, strict=True))
    )
    with running_sandbox(build_market(replay=tmp_path / "served")) as sandbox:
        yield Reused(settings_for(sandbox, tmp_path), archive, old, new)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("order", ["import first", "collect first", "collect twice"])
def test_two_assets_of_one_ticker_are_kept_and_kept_apart(reused: Reused, order: str) -> None:
    if order != "import first":
        reused.collect()
    notes = reused.read_archive()
    told = (
        f"{len(reused.old)} settlements before the listing of LITUSDT on {reused.new[0]:%Y-%m-%d} "
        "belong to an earlier listing of that ticker"
    )
    assert (f"binance: {told}" in notes) == (order != "import first")
    if order != "collect first":
        reused.collect()
    with connect(reused.settings) as lake:
        held = lake.execute(
            "SELECT funding_time FROM core.funding_rates WHERE venue_symbol = 'LITUSDT' ORDER BY 1"
        ).fetchall()
        assert [time for (time,) in held] == reused.old + reused.new
        missing = missing_of(lake, "binance")
        # The archive has a hole of its own; nothing is due between it and the listing.
        assert set(missing["missing_time"]) == {
            time
            for time in every(8, reused.old[0], reused.old[-1])
            if reused.old[270] < time < reused.old[271]
        }
        named = gaps_by_name(lake).filter(kind="earlier_listing").rows(named=True)
    assert named == [
        {
            "venue": "binance",
            "venue_symbol": "LITUSDT",
            "kind": "earlier_listing",
            "missing": 0,
            "first": reused.old[0],
            "last": reused.old[-1],
            "times": told,
        }
    ]


def test_what_was_listed_is_remembered(reused: Reused) -> None:
    reused.collect()
    collect_instruments(["binance"], reused.settings, "again")
    with connect(reused.settings) as lake:
        listings = lake.execute(
            "SELECT venue_symbol, base, listed_at, first_seen_at < last_seen_at, "
            "last_traded_at = last_seen_at FROM core.listings ORDER BY ALL"
        ).fetchall()
    assert listings == [(f"{base}USDT", base, reused.new[0], True, True) for base in ("BTC", "LIT")]


def test_what_reads_a_history_begins_with_the_listing(reused: Reused) -> None:
    """Curves, their factors and backtests know nothing of the asset that had the ticker before."""
    reused.collect()
    reused.read_archive()
    before = Window(reused.old[0], reused.old[30])
    now = Window(month_start(reused.new[0]), datetime.now(UTC))
    assert CURVES.rebuild(before, reused.settings, "run").is_empty()
    curves = CURVES.rebuild(now, reused.settings, "run")
    assert set(curves["venue_symbol"]) == {"BTCUSDT", "LITUSDT"}
    assert known(curves["as_of"].min()) >= reused.new[0]
    # Both were given the same rates: the archive has no part in what the curves show.
    bitcoin, reissued = (
        curves.filter(venue_symbol=symbol).drop("venue_symbol") for symbol in ("BTCUSDT", "LITUSDT")
    )
    assert reissued.rows() == bitcoin.rows()
    factors = FACTORS.rebuild(now, reused.settings, "run").drop("dispersion")
    bitcoin, reissued = (
        factors.filter(venue_symbol=symbol).drop("venue_symbol")
        for symbol in ("BTCUSDT", "LITUSDT")
    )
    assert reissued.rows() == bitcoin.rows()

    data = provider_from_lake(reused.settings, asked(reused.old[0], now.end))
    assert data.funding_rates["funding_time"].to_list() == reused.new
    with pytest.raises(DataError, match="earlier listing: binance LITUSDT, listed on"):
        provider_from_lake(reused.settings, asked(before.start, before.end))
    both = asked(before.start, before.end, symbols=("BTCUSDT",))
    assert provider_from_lake(reused.settings, both).funding_rates.is_empty()


def asked(
    start: datetime, end: datetime, symbols: tuple[str, ...] = ("LITUSDT",)
) -> BacktestConfig:
    strategy = CrossVenueCarry(horizon_hours=48, entry_threshold=1e-4)
    return BacktestConfig(start=start, end=end, strategy=strategy, symbols=symbols)
