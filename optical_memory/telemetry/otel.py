"""Spans and metrics by OpenTelemetry's API; its conventions name the attributes.

Spans tell the type of an error, never its words, and no text of a turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import Token
from typing import NamedTuple

from opentelemetry import context, metrics, trace
from opentelemetry.context.context import Context
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, MeterProvider, Observation
from opentelemetry.trace import SpanKind, StatusCode, TracerProvider

from optical_memory.telemetry.events import session_digest
from optical_memory.telemetry.instruments import (
    INSTRUMENTS,
    OPERATION_SECONDS,
    SECONDS,
    STORE_ERRORS,
    STORE_SECONDS,
    Instrument,
)
from optical_memory.telemetry.measuring import Operation, levels
from optical_memory.version import __version__

__all__ = [
    "OpenTelemetry",
    "labels_of",
]

SCOPE = "optical_memory"
"""The name of the instrumentation scope."""


class _Begun(NamedTuple):
    span: trace.Span
    token: Token[Context]


class OpenTelemetry:
    """Sends spans and metrics to the providers, by default those of the application."""

    def __init__(
        self,
        *,
        session_names: bool = False,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self._session_names = session_names
        self._is_closed = False
        self._tracer = trace.get_tracer(SCOPE, __version__, tracer_provider)
        meter = metrics.get_meter(SCOPE, __version__, meter_provider)
        self._counters: dict[Instrument, Counter] = {}
        self._histograms: dict[Instrument, Histogram] = {}
        for instrument in INSTRUMENTS:
            name, unit, description = instrument.name, instrument.unit, instrument.description
            if instrument.kind == "counter":
                self._counters[instrument] = meter.create_counter(name, unit, description)
            elif instrument.kind == "histogram":
                self._histograms[instrument] = meter.create_histogram(
                    name, unit, description, explicit_bucket_boundaries_advisory=list(SECONDS)
                )
            else:
                meter.create_observable_gauge(name, [self._gauge(instrument)], unit, description)

    def _gauge(self, instrument: Instrument) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(options: CallbackOptions) -> list[Observation]:
            if self._is_closed:  # the API cannot take an instrument back
                return []
            own = [level for level in levels() if level.instrument is instrument]
            return [Observation(level.value, dict(level.labels)) for level in own]

        return observe

    def close(self) -> None:
        """Let the gauges tell nothing any more."""
        self._is_closed = True

    def begin(self, operation: Operation) -> _Begun:
        """A span that is the current one until `end`."""
        kind = SpanKind.CLIENT if operation.is_of_store else SpanKind.INTERNAL
        span = self._tracer.start_span(_span_name(operation), kind=kind)
        return _Begun(span, context.attach(trace.set_span_in_context(span)))

    def end(self, operation: Operation, begun: _Begun, seconds: float, error: type | None) -> None:
        """End the span, and count its seconds."""
        context.detach(begun.token)
        span = begun.span
        if span.is_recording():
            span.set_attributes(operation.attributes)
            if operation.session is not None:
                name = operation.session
                shown = name if self._session_names else session_digest(name)
                span.set_attribute("gen_ai.conversation.id", shown)
            if error is not None:
                span.set_attribute("error.type", error.__qualname__)
                span.set_status(StatusCode.ERROR)
        span.end()
        instrument = STORE_SECONDS if operation.is_of_store else OPERATION_SECONDS
        self._histograms[instrument].record(seconds, labels_of(operation, error))
        if operation.is_of_store and error is not None:
            labels = labels_of(operation, error)
            del labels["db.operation.name"]
            self.add(STORE_ERRORS, 1, labels)

    def add(self, instrument: Instrument, amount: float, labels: Mapping[str, str]) -> None:
        """Count."""
        self._counters[instrument].add(amount, labels)


def _span_name(operation: Operation) -> str:
    if operation.is_of_store:
        return f"{operation.name} {operation.attributes['db.system.name']}"
    return f"optical_memory.{operation.name}"


def labels_of(operation: Operation, error: type | None) -> dict[str, str]:
    """The labels of an operation's seconds. Of no error there is no label."""
    if operation.is_of_store:
        system = str(operation.attributes["db.system.name"])
        labels = {"db.system.name": system, "db.operation.name": operation.name}
    else:
        labels = {"operation": operation.name}
    if error is not None:
        labels["error.type"] = error.__qualname__
    return labels
