"""Whatever is asked or said is answered as declared: some hundreds of times, more in `make fuzz`.

Schemathesis asks what OpenAPI allows and what it forbids, of a service with a lake, a live board
and an admin key, so that every operation can be reached. What AsyncAPI declares is said over
WebSockets, whole and spoilt.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.sync.client import ClientConnection, connect

from funding_platform.arbitrage import OpportunityFilter
from funding_platform.flows.live.latest import PAIRS, STRIPS
from funding_platform.flows.queries import latest_curves, open_lake, ranked_opportunities
from funding_platform.service.access.keys import Rate, create_key
from funding_platform.service.app import PREFIX
from funding_platform.service.streams.messages import CHANNELS
from funding_platform.settings import Settings
from funding_platform_tests.checkout import ROOT
from funding_platform_tests.service.server import Served, hand_out, lasting, served
from funding_platform_tests.service.streams.messages import faults_of, require_declared

SCHEMATHESIS: Final = str(Path(sys.executable).with_name("schemathesis"))
EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "100000"))
HOOKS: Final = "funding_platform_tests.service.schemathesis_hooks"
OPERATIONS: Final = 41
"""Of which each is asked as often."""

EVENTS: Final = f"{PREFIX}/stream"
"""Answers without end: the tests of streams listen to them."""

SLOW: Final = 300.0
"""Seconds that a question may take here: how fast a machine is, is not asked."""

SECONDS_OF_A_CASE: Final = 0.5
"""At most, on average: whatever takes longer hangs."""

SAID_AT_ONCE: Final = 15
"""Over one connection, which may say 20 things in a minute."""


@pytest.fixture(scope="module")
def reachable(
    lake_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, str]]:
    """A service over a lake of its own and a board that stays fresh, and an admin key."""
    folder = tmp_path_factory.mktemp("reachable") / "data"
    shutil.copytree(lake_settings.data_dir, folder)
    chosen = Settings(data_dir=folder, live=False, service_seconds=SLOW)
    with open_lake(chosen) as lake:
        frames = {
            PAIRS: ranked_opportunities(lake, OpportunityFilter(limit=500)),
            STRIPS: latest_curves(lake, "BTC"),
        }
    hand_out(chosen, 1e-4, at=lasting(), more=frames)
    key, _ = create_key(
        chosen.service_keys_file, name="fuzz", scope="admin", rate=Rate(1_000_000, 1.0)
    )
    with served(chosen) as service:
        yield service, key


def ask(reachable: tuple[Served, str], folder: Path, *options: str, longest: float = SLOW) -> int:
    """Have Schemathesis ask, and return how many cases it had; fails if it finds anything."""
    service, key = reachable
    done = subprocess.run(
        [
            *(SCHEMATHESIS, "--config-file", str(Path(__file__).with_name("schemathesis.toml"))),
            *("run", f"{service.url}/api/v1/openapi.json", "--no-color"),
            *("--checks", "all", "--exclude-checks", "positive_data_acceptance"),
            *("--header", f"X-API-Key: {key}", "--request-timeout", f"{SLOW:g}"),
            *("--exclude-path", EVENTS),
            *("--suppress-health-check", "all", *options),
        ],
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": HOOKS, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=longest,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    (cases,) = re.findall(r"(\d+) generated, (?:\d+) passed", done.stdout)
    assert f"Tested: {OPERATIONS}" in done.stdout
    return int(cases)


@pytest.mark.world
def test_whatever_openapi_allows_or_forbids_is_answered_as_declared(
    reachable: tuple[Served, str], tmp_path: Path
) -> None:
    phases = ("--phases", "examples,fuzzing", "--max-examples", "4", "--seed", "12")
    assert ask(reachable, tmp_path, *phases) > 100


@pytest.mark.fuzz
def test_so_is_a_hundred_thousand_times_as_much(
    reachable: tuple[Served, str], tmp_path: Path
) -> None:
    each = str(-(-EXAMPLES // OPERATIONS))
    cases = ask(
        reachable,
        tmp_path,
        *("--phases", "examples,coverage,fuzzing", "--max-examples", each),
        longest=SLOW + SECONDS_OF_A_CASE * EXAMPLES,
    )
    print(f"{cases:,} cases")
    assert cases >= EXAMPLES / 2  # of those with few parameters there are not so many


NAMES = st.sampled_from(["BTC", "ETH", "okx", "binance", "", "\x00", "é" * 70]) | st.text(
    max_size=8
)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "venues": st.lists(NAMES, max_size=3),
        "bases": st.lists(NAMES, max_size=3),
        "symbols": st.lists(NAMES, max_size=3),
        "tiers": st.lists(st.sampled_from(["actionable", "watch", "reject", "none"]), max_size=2),
        "min_net_apr": st.none() | st.floats() | st.just("0"),
        "other": st.none(),
    },
)
REQUESTS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["subscribe", "unsubscribe", "drop"]),
        "channels": st.lists(st.sampled_from([*CHANNELS, "all"]), max_size=5),
    },
    optional={"filters": FILTERS, "id": st.integers()},
).map(json.dumps)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
).map(json.dumps)
SAID = REQUESTS | REQUESTS.map(lambda text: text[:-3]) | JSON | st.text(max_size=40) | st.binary()


def converse(service: Served, said: list[str | bytes]) -> None:
    """Say things; each is answered by what is followed now, or by an error, both as declared."""
    url = service.url.replace("http", "ws") + "/api/v1/ws"
    with connect(url, max_size=2**26, open_timeout=60) as opened:
        for one in said:
            opened.send(one)
            answer = answered(opened)
            if not faults_of(decoded(one)):
                assert answer["type"] == "subscribed", (one, answer)


def answered(opened: ClientConnection) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = json.loads(opened.recv(timeout=60))
        require_declared(message)
        if message["type"] in ("subscribed", "error"):
            return message


def decoded(said: str | bytes) -> Any:
    try:
        return json.loads(said)
    except ValueError:
        return None


@given(said=st.lists(SAID, min_size=1, max_size=SAID_AT_ONCE))
@settings(max_examples=30)
def test_whatever_is_said_is_answered_as_declared(
    reachable: tuple[Served, str], said: list[str | bytes]
) -> None:
    converse(reachable[0], said)


@pytest.mark.fuzz
@given(said=st.lists(SAID, min_size=SAID_AT_ONCE, max_size=SAID_AT_ONCE))
@settings(max_examples=max(1, EXAMPLES // SAID_AT_ONCE), derandomize=False)
def test_so_is_a_hundred_thousand_times_more(
    reachable: tuple[Served, str], said: list[str | bytes]
) -> None:
    converse(reachable[0], said)
