"""What four trades of a pair cost, and the largest size for which the books are deep enough."""

from funding_platform_tests.dbt.slow.arithmetic import plus, times
from funding_platform_tests.dbt.slow.legs import Row

SIZE_USD = 10_000.0
SIZES = (("1k", 1e3), ("10k", 1e4), ("100k", 1e5), ("1m", 1e6))


def paid(long: Row, short: Row) -> Row:
    """Each leg is traded twice: fees, half the spread, and the way up a book of even depth."""
    spreads = [10.0 if leg["spread_bps"] is None else leg["spread_bps"] for leg in (long, short)]
    volumes = [leg["volume_24h_usd"] or None for leg in (long, short)]
    models = [None if v is None else SIZE_USD / (2 * v * 1e-3) for v in volumes]
    sides = list(zip((long, short), models, strict=True))
    impacts = [_impact(leg["impacts"], SIZE_USD, model) for leg, model in sides]
    known: Row = {}
    for side, (leg, model), impact in zip(("long", "short"), sides, impacts, strict=True):
        measured = max(leg["impacts"], default=0) >= SIZE_USD
        known |= {
            f"{side}_impact_model_bps": model,
            f"{side}_impact_bps": impact,
            f"{side}_impact_source": "measured" if measured else None if model is None else "model",
            **{f"{side}_impact_{name}_bps": leg["impacts"].get(size) for name, size in SIZES},
        }
    taker, maker, impact = (
        times(2, plus(*parts))
        for parts in (
            (long["taker_bps"], short["taker_bps"]),
            (long["maker_bps"], short["maker_bps"]),
            impacts,
        )
    )
    spread = sum(max(one, 0.0) for one in spreads)
    return {
        "taker_fees_bps": taker,
        "maker_fees_bps": maker,
        "spread_cost_bps": spread,
        "size_usd": SIZE_USD,
        **known,
        "impact_cost_bps": impact,
        "max_size_usd": _largest(sides),
        "cost_bps": plus(taker, spread, impact),
        "maker_cost_bps": maker,
    }


def _impact(measured: dict[float, float], size: float, model: float | None) -> float | None:
    """The impact of a size between those measured; beyond them the model's, if it is more."""
    if size > max(measured, default=0):
        return None if model is None else max([model, *measured.values()])
    return _line({0.0: 0.0, **measured}, size)


def _line(points: dict[float, float], at: float) -> float:
    """What lies on the straight line between the two points around."""
    low, high = max(x for x in points if x < at), min(x for x in points if x >= at)
    return points[low] + (points[high] - points[low]) * (at - low) / (high - low)


def _largest(sides: list[tuple[Row, float | None]]) -> float | None:
    """The size whose four trades have an impact of ten basis points, found by halving."""
    if any(not leg["impacts"] and model is None for leg, model in sides):
        return None

    def cost(size: float) -> float:
        return 2 * sum(
            _line({0.0: 0.0, **leg["impacts"]}, size)
            if leg["impacts"]
            else (model or 0.0) * size / SIZE_USD
            for leg, model in sides
        )

    most: float = min([1e6, *(max(leg["impacts"]) for leg, _ in sides if leg["impacts"])])
    if cost(most) <= 10:
        return most
    fits, is_too_much = 0.0, most
    for _ in range(200):
        middle = (fits + is_too_much) / 2
        fits, is_too_much = (middle, is_too_much) if cost(middle) <= 10 else (fits, middle)
    return fits
