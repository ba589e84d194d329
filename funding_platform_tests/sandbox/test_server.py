"""Starting, counting and stopping."""

from email.utils import parsedate_to_datetime
from functools import partial
from multiprocessing import active_children

import httpx
import pytest

from funding_platform.sandbox.errors import PortInUseError, SandboxError
from funding_platform.sandbox.faults import Connection, Status
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.process import sandbox_process
from funding_platform.sandbox.server import build_market, running_sandbox, serve
from funding_platform.sandbox.wire.registry import WIRES
from funding_platform_tests.present import PRESENT, at_present


def test_statistics_count_requests_rows_and_faults(market: Market) -> None:
    with running_sandbox(market) as sandbox:
        url = sandbox.url_of("binance") + "/fapi/v1/fundingRate?symbol=BTCUSDT&limit=7"
        httpx.get(url, timeout=60)
        sandbox.inject(Status(status=503, count=1))
        httpx.get(url, timeout=60)
        httpx.get(sandbox.url_of("okx") + "/nowhere", timeout=60)
        stats = sandbox.stats()
    assert stats["binance"] == {
        "/fapi/v1/fundingRate": {"requests": 2, "rows": 7, "faults": 1, "refused": 0}
    }
    assert stats["okx"]["(unknown)"]["requests"] == 1


def test_urls_in_the_form_of_the_settings(market: Market) -> None:
    with running_sandbox(market) as sandbox:
        assert sandbox.venue_urls["okx"] == f"{sandbox.url}/okx" == sandbox.url_of("okx")
        assert sandbox.venue_urls.keys() == WIRES.keys()


def test_faults_from_the_start(market: Market) -> None:
    with running_sandbox(market, faults=[Status(status=500)]) as sandbox:
        assert (
            httpx.get(sandbox.url_of("okx") + "/api/v5/public/time", timeout=60).status_code == 500
        )


def test_answers_are_stamped_with_the_time_that_it_is(market: Market) -> None:
    """Where a test moves the clock of a sandbox that runs, what reads its stamps sees no gap."""
    with running_sandbox(market) as sandbox:
        url = sandbox.url_of("okx") + "/api/v5/public/time"
        httpx.get(url, timeout=60)
        with at_present():
            stamps = httpx.get(url, timeout=60).headers.get_list("date")
    assert [parsedate_to_datetime(stamp).date() for stamp in stamps] == [PRESENT.date()]


def test_it_stops_while_a_client_hangs(market: Market) -> None:
    with (
        httpx.Client(timeout=60) as client,
        running_sandbox(market, faults=[Connection(action="hang")]) as sandbox,
    ):
        url = sandbox.url
        with pytest.raises(httpx.ReadTimeout):
            client.get(f"{url}/okx/api/v5/public/time", timeout=httpx.Timeout(60, read=0.2))
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, timeout=60)


def test_a_port_in_use_is_explained(market: Market) -> None:
    with running_sandbox(market) as sandbox:
        port = int(sandbox.url.rsplit(":", 1)[1])
        with pytest.raises(PortInUseError, match=r"(?s)cannot listen on .*hint: stop the other"):
            serve(market, port=port)
        with pytest.raises(PortInUseError), running_sandbox(market, port=port):
            pass


def test_the_wall_clock_by_default() -> None:
    market = build_market(symbols=3)
    first = market.now_ms()
    assert 0 <= market.now_ms() - first < 60_000
    assert market.settlements("bybit", "BTCUSDT").times_ms[-1] <= market.now_ms()


@pytest.mark.world
def test_it_serves_from_a_process_of_its_own() -> None:
    build = partial(build_market, symbols=3)
    with sandbox_process(build, [Status(status=500, venue="okx")]) as sandbox:
        (child,) = (one for one in active_children() if one.name == "sandbox")
        time = httpx.get(sandbox.url_of("bybit") + "/v5/market/time", timeout=60)
        assert time.status_code == 200
        refused = httpx.get(sandbox.url_of("okx") + "/api/v5/public/time", timeout=60)
        assert refused.status_code == 500
    assert child.exitcode == 0


def test_a_market_that_cannot_be_made_is_told_from_the_other_process() -> None:
    with (
        pytest.raises(SandboxError, match="symbols"),
        sandbox_process(partial(build_market, symbols=-1)),
    ):
        pass
