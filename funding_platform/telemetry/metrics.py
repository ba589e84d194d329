"""Figures as Prometheus reads them.

What belongs here: turning figures into metrics, and serving them. Which figures there are, and
where they come from, is ``flows.metrics``'s.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Labels: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with all its series.

    Parameters
    ----------
    name
        By Prometheus' conventions: ``funding_``, then what it is, then its unit.
    description
        What it is.
    label_names
        What tells its series apart.
    series
        Its values by the values of those labels. What is not known has none.
    """

    name: str
    description: str
    label_names: Labels
    series: Mapping[Labels, float]

    def metric(self) -> Metric:
        """Return it as the library has it."""
        family = GaugeMetricFamily(self.name, self.description, labels=self.label_names)
        for labels, value in self.series.items():
            family.add_metric(labels, value)
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
