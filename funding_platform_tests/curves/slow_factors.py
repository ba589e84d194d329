"""The factors once more: plain Python, one curve at a time, from the columns' descriptions.

Slow and independent: it shares no code with the package.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import expm1, fsum, log, log1p, sqrt
from statistics import fmean, median
from typing import Any

Row = dict[str, Any]
Instrument = tuple[str, str]

FOUR_WEEKS = timedelta(days=28)
TENOR = timedelta(hours=8)


def slow_factors(
    curves: Sequence[Row],
    bases: Mapping[Instrument, str] | None = None,
    snapshots: Sequence[Row] = (),
) -> list[Row]:
    """One row per curve, in the same order."""
    rows = [own_shape(curve) for curve in curves]
    add_z_scores(rows)
    add_dispersion(rows, bases or {})
    seen = defaultdict(list)
    for snapshot in sorted(snapshots, key=lambda row: row["observed_at"]):
        seen[snapshot["venue"], snapshot["venue_symbol"]].append(snapshot)
    for row in rows:
        add_market(row, seen[name(row)])
    return rows


def name(row: Row) -> Instrument:
    return row["venue"], row["venue_symbol"]


def own_shape(curve: Row) -> Row:
    b = [curve[f"b{k}"] for k in range(8)]
    b[0], outlier = guarded(b)
    row = {key: curve[key] for key in ("venue", "venue_symbol", "as_of", "kind", "available_at")}
    row |= {"outlier": outlier, "level": b[0], "slope": minus(b[7], b[0])}
    row["curvature"] = None if None in (b[2], b[3], b[5]) else b[2] + b[5] - 2 * b[3]
    for k in range(7):
        undefined = b[k] is None or b[k + 1] is None or abs(b[k]) < 0.01
        row[f"decay_{k}"] = None if undefined else b[k + 1] / b[k]
    row["shock_age"] = shock_age(b)
    row["half_life_hours"] = half_life(b)
    return row


def minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def scale(values: list[float | None]) -> tuple[float, float] | None:
    known = [value for value in values if value is not None]
    if len(known) < 4:
        return None
    middle = median(known)
    mad = median(abs(value - middle) for value in known)
    return middle, max(1.4826 * mad, 0.01)


def guarded(b: list[float | None]) -> tuple[float | None, bool | None]:
    logs = [None if y is None else log1p(max(y, -1 + 2**-53)) for y in b]
    found = scale(logs[1:])
    if found is None or logs[0] is None:
        return b[0], None
    middle, sigma = found
    reach = max(10 * sigma, 1)
    if logs[0] > middle + reach:
        return expm1(middle + reach), True
    if logs[0] < middle - reach:
        return expm1(middle - reach), True
    return b[0], False


def shock_age(b: list[float | None]) -> int | None:
    found = scale(b[1:])
    if found is None or b[0] is None:
        return None
    for k, y in enumerate(b):
        if y is not None and abs(y - b[0]) > 3 * found[1]:
            return k
    return None


def half_life(b: list[float | None]) -> float | None:
    known = [y for y in b if y is not None]
    if len(known) < 8:
        return None
    newer, older = known[:-1], known[1:]
    x, y = fmean(older), fmean(newer)
    spread = sum((o - x) ** 2 for o in older)
    if spread < 7 * 0.01**2:
        return None
    phi = sum((o - x) * (n - y) for o, n in zip(older, newer, strict=True)) / spread
    left = sum((n - y - phi * (o - x)) ** 2 for o, n in zip(older, newer, strict=True)) / 5
    if not 0 < phi < 1 or phi**2 * spread <= 3.365**2 * left:
        return None
    phi += (1 + 3 * phi) * left / ((1 - phi**2) * spread)
    if phi >= 1:
        return None
    hours = 8 * log(0.5) / log(phi)
    return hours if hours <= 640 else None


def add_z_scores(rows: list[Row]) -> None:
    past: dict[Instrument, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["as_of"]):
        if row["kind"] == "settled":
            past[name(row)].append(row)
    for row in rows:
        own = past[name(row)]
        low = bisect_left(own, row["as_of"] - FOUR_WEEKS, key=lambda one: one["as_of"])
        high = bisect_left(own, row["as_of"], key=lambda one: one["as_of"])
        for factor in ("level", "slope"):
            known = [one[factor] for one in own[low:high] if one[factor] is not None]
            row[f"{factor}_z"] = None
            if len(known) >= 21 and row[factor] is not None:
                row[f"{factor}_z"] = (row[factor] - fmean(known)) / max(deviation(known), 0.01)


def deviation(values: Sequence[float]) -> float:
    """Of a sample: what ``statistics.stdev`` finds in exact fractions, which costs minutes here."""
    middle = fmean(values)
    return sqrt(fsum((value - middle) ** 2 for value in values) / (len(values) - 1))


def add_dispersion(rows: list[Row], bases: Mapping[Instrument, str]) -> None:
    peers: dict[tuple[str, str], dict[Instrument, list[Row]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in sorted(rows, key=lambda row: row["as_of"]):
        if name(row) in bases:
            peers[bases[name(row)], row["kind"]][name(row)].append(row)
    for row in rows:
        row["dispersion"] = None
        if name(row) in bases:
            seen = [
                newest
                for curves in peers[bases[name(row)], row["kind"]].values()
                for newest in newest_seen(curves, row)
                if newest["level"] is not None
            ]
            if len({one["venue"] for one in seen}) >= 2:
                row["dispersion"] = deviation([one["level"] for one in seen])


def newest_seen(curves: list[Row], by: Row) -> Iterator[Row]:
    until = bisect_right(curves, by["as_of"], key=lambda one: one["as_of"])
    for one in reversed(curves[:until]):
        if one["as_of"] < by["as_of"] - TENOR:
            return
        if one["available_at"] <= by["available_at"]:
            yield one
            return


def add_market(row: Row, snapshots: list[Row]) -> None:
    now = newest_snapshot(snapshots, row["available_at"])
    before = newest_snapshot(snapshots, row["available_at"] - TENOR)
    row["basis"] = row["open_interest_change"] = None
    if now and None not in (now["mark_price"], now["index_price"]) and now["index_price"]:
        row["basis"] = (now["mark_price"] - now["index_price"]) / now["index_price"]
    if now and before:
        held, then = now["open_interest_base"], before["open_interest_base"]
        if held is not None and then:
            row["open_interest_change"] = held / then - 1


def newest_snapshot(snapshots: list[Row], at: datetime) -> Row | None:
    until = bisect_right(snapshots, at, key=lambda one: one["observed_at"])
    if until and snapshots[until - 1]["observed_at"] >= at - timedelta(hours=2):
        return snapshots[until - 1]
    return None
