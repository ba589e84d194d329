"""Extended's candles and open interest through time.

Candles come newest first, so many back from an inclusive end; there is no start. An hour without a
deal is there, flat and with a volume of "0".
"""

from typing import Final

from funding_platform.core.time_grid import DAY_MS, HOUR_MS
from funding_platform.sandbox.markets.series import PriceKind, Span
from funding_platform.sandbox.wire.candles.rows import (
    SIZE_DECIMALS,
    VALUE_DECIMALS,
    bars,
    must_be,
    prices,
    texts,
)
from funding_platform.sandbox.wire.contract import (
    ParameterError,
    Reply,
    Request,
    Route,
    WireError,
    routes_of,
    rows_text,
)
from funding_platform.sandbox.wire.decimals import decimals_of
from funding_platform.sandbox.wire.venues.extended import (
    error,
    for_named_clients,
    listed,
    window_of,
)

_MOST_BARS = 10_000
_KINDS: Final[dict[str, PriceKind]] = {
    "trades": "trade", "mark-prices": "mark", "index-prices": "index"
}  # fmt: skip
_STEPS: Final = {"P1H": HOUR_MS, "PT1H": HOUR_MS, "P1D": DAY_MS}


def _candles(request: Request) -> Reply:
    instrument, kind = listed(request), _KINDS.get(request.required("kind"))
    if kind is None:
        raise WireError(Reply.text("", status=404))
    must_be(request, "interval", "PT1H")
    if request.integer("limit") is None:
        raise ParameterError("limit")
    limit = request.limit(default=_MOST_BARS, cap=_MOST_BARS)
    span = Span(None, request.integer("endTime"), limit)
    places = decimals_of(instrument.tick_size)
    page = bars(request, instrument, kind, span, places).newest_first
    opens, highs, lows, closes = prices(page, places)
    quoted = ["0.0"] * len(opens)
    volumes = quoted if kind != "trade" else texts(page.volumes, SIZE_DECIMALS)
    rows = rows_text(
        '{"o":"%s","l":"%s","h":"%s","c":"%s","v":"%s","T":%d}',
        (opens, lows, highs, closes, volumes, page.opens_ms.tolist()),
    )
    return Reply(f'{{"status":"OK","data":[{rows}]}}'.encode(), rows=len(opens))


def _open_interests(request: Request) -> Reply:
    instrument = listed(request)
    step = _STEPS.get(request.required("interval"))
    if step is None:
        raise WireError(error(1005, "Not supported interval"))
    span = Span(*window_of(request), request.limit(default=300, cap=300))
    held = request.market.open_interest(request.venue, instrument.venue_symbol, step, span)
    columns = (
        texts(held.value, VALUE_DECIMALS),
        texts(held.base, SIZE_DECIMALS),
        held.times_ms.tolist(),
    )
    rows = rows_text('{"i":"%s","I":"%s","t":%d}', columns)
    return Reply(f'{{"status":"OK","data":[{rows}]}}'.encode(), rows=len(held.times_ms))


ROUTES: Final[tuple[Route, ...]] = routes_of(
    "ip",
    {
        "/api/v1/info/candles/{market}/{kind}": for_named_clients(_candles),
        "/api/v1/info/{market}/open-interests": for_named_clients(_open_interests),
    },
)
