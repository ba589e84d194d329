"""Figures as Prometheus reads them.

What belongs here: turning figures into metrics, and serving them. Which metrics there are is
declared in ``telemetry.declared``; where their values come from is ``flows.metrics``'s and the
service's.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

Labels: TypeAlias = tuple[str, ...]

Kind: TypeAlias = Literal["gauge", "counter", "histogram"]


@dataclass(frozen=True, slots=True)
class Distribution:
    """How values are spread.

    Parameters
    ----------
    below
        How many values are at most so large, by bound, each bound counting those before it; the
        last bound is ``+Inf``.
    total
        Their sum.
    """

    below: Mapping[str, int]
    total: float


@dataclass(frozen=True, slots=True)
class Declared:
    """A metric that may be told.

    Parameters
    ----------
    name
        By Prometheus' conventions: ``funding_``, then what it is, then its unit; a counter ends in
        ``_total``.
    description
        What it is.
    labels
        What tells its series apart. Their values are few and known: venues, states, jobs; never a
        key, a path or a text from elsewhere.
    kind
        How it moves.
    """

    name: str
    description: str
    labels: Labels = ()
    kind: Kind = "gauge"

    def of(self, series: Mapping[Labels, float | Distribution]) -> "Family":
        """Return the metric with its series, by the values of the labels."""
        return Family(self, series)

    def single(self, value: float | Distribution) -> "Family":
        """Return the metric of a single series."""
        return Family(self, {(): value})


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with all its series; what is not known has none."""

    declared: Declared
    series: Mapping[Labels, float | Distribution]

    def metric(self) -> Metric:
        """Return it as the library has it."""
        one = self.declared
        if one.kind == "histogram":
            return self._spread()
        kind = CounterMetricFamily if one.kind == "counter" else GaugeMetricFamily
        family = kind(one.name, one.description, labels=one.labels)
        for labels, value in self.series.items():
            assert not isinstance(value, Distribution), one.name
            family.add_metric(labels, value)
        return family

    def _spread(self) -> Metric:
        one = self.declared
        family = HistogramMetricFamily(one.name, one.description, labels=one.labels)
        for labels, value in self.series.items():
            assert isinstance(value, Distribution), one.name
            family.add_metric(labels, [*value.below.items()], sum_value=value.total)
        return family


class _Asked(Collector):
    """Asks for the figures whenever they are read."""

    def __init__(self, families: Callable[[], Iterable[Family]]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        for family in self._families():
            yield family.metric()

    def describe(self) -> Iterator[Metric]:
        """Tell nothing in advance: to know the figures is to ask for them."""
        return iter(())


def exposition(families: Callable[[], Iterable[Family]]) -> str:
    """Write the figures in Prometheus' text format."""
    return generate_latest(_registry(families)).decode()


def serve(
    families: Callable[[], Iterable[Family]], port: int, address: str
) -> tuple[WSGIServer, threading.Thread]:
    """Serve them at ``/metrics``, asked for anew with every request; return at once.

    Returns
    -------
    tuple
        The server, and the thread that it runs in.
    """
    return start_http_server(port, addr=address, registry=_registry(families))


def _registry(families: Callable[[], Iterable[Family]]) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Asked(families))
    return registry
