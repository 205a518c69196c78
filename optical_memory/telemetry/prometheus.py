"""Metrics for Prometheus, by its own client: counters and histograms here, gauges when asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from optical_memory.telemetry.instruments import (
    INSTRUMENTS,
    OPERATION_SECONDS,
    SECONDS,
    STORE_ERRORS,
    STORE_SECONDS,
    Instrument,
)
from optical_memory.telemetry.measuring import Operation, levels

__all__ = [
    "Prometheus",
    "prometheus_name",
]

NAMES: Final = {STORE_SECONDS.name: "optical_memory_store_call_duration_seconds"}
"""Names of our own: OpenTelemetry's name for a call of a database is everybody's."""


def prometheus_name(instrument: Instrument) -> str:
    """The name of an instrument, without `_total`."""
    if instrument.name in NAMES:
        return NAMES[instrument.name]
    name = instrument.name.replace(".", "_")
    return f"{name}_seconds" if instrument.unit == "s" else name


def _label(name: str) -> str:
    return name.replace(".", "_")


class Prometheus(Collector):
    """A registry of its own, with everything in this process."""

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._counters: dict[Instrument, Counter] = {}
        self._histograms: dict[Instrument, Histogram] = {}
        for instrument in INSTRUMENTS:
            name = prometheus_name(instrument)
            labels = [_label(label) for label in instrument.labels]
            text, registry = instrument.description, self._registry
            if instrument.kind == "counter":
                self._counters[instrument] = Counter(name, text, labels, registry=registry)
            elif instrument.kind == "histogram":
                self._histograms[instrument] = Histogram(
                    name, text, labels, buckets=SECONDS, registry=registry
                )
        self._registry.register(self)

    def begin(self, operation: Operation) -> None:
        """Nothing: there are no spans."""

    def end(self, operation: Operation, begun: Any, seconds: float, error: type | None) -> None:
        """Count the seconds of an operation."""
        kind = "" if error is None else error.__qualname__
        if not operation.is_of_store:
            self._histograms[OPERATION_SECONDS].labels(operation.name, kind).observe(seconds)
            return
        system = str(operation.attributes["db.system.name"])
        self._histograms[STORE_SECONDS].labels(system, operation.name, kind).observe(seconds)
        if error is not None:
            self._counters[STORE_ERRORS].labels(system, kind).inc()

    def add(self, instrument: Instrument, amount: float, labels: Mapping[str, str]) -> None:
        """Count."""
        counter = self._counters[instrument]
        if labels:
            counter = counter.labels(**{_label(name): value for name, value in labels.items()})
        counter.inc(amount)

    def describe(self) -> list[Metric]:
        """No gauge has a value before it is asked."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The gauges, each with all its labels."""
        present = levels()
        for instrument in INSTRUMENTS:
            if instrument.kind != "gauge":
                continue
            labels = [_label(label) for label in instrument.labels]
            family = GaugeMetricFamily(
                prometheus_name(instrument), instrument.description, labels=labels
            )
            for level in present:
                if level.instrument is instrument:
                    family.add_metric([value for _, value in level.labels], level.value)
            yield family

    def text(self) -> bytes:
        """All metrics in Prometheus's text format."""
        return generate_latest(self._registry)
