"""What the package tells of itself: events in the log, and, if asked, spans and metrics.

Measuring is off by default, and then nothing is imported for it. `enable` sends spans and metrics
to OpenTelemetry, as does the environment variable `OPTICAL_MEMORY_TELEMETRY=1`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from optical_memory.errors import MissingExtra
from optical_memory.telemetry import measuring
from optical_memory.telemetry.event_table import TELEMETRY_ABSENT
from optical_memory.telemetry.events import emit

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from optical_memory.telemetry.otel import OpenTelemetry

__all__ = [
    "VARIABLE",
    "disable",
    "enable",
    "enable_if_asked",
]

VARIABLE: Final = "OPTICAL_MEMORY_TELEMETRY"
"""`1` (or `true`, `yes`, `on`) measures from the first memory on; anything else does not."""

_YES = ("1", "true", "yes", "on")
_running: OpenTelemetry | None = None
_has_looked = False  # True after the environment was asked: a word there is told once


def enable(
    *,
    session_names: bool = False,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> None:
    """Send spans and metrics of everything in this process to OpenTelemetry.

    Without providers, those of the application are used. Without an SDK the API does nothing. With
    `session_names` spans have the names of sessions, else digests of them. A second call takes the
    place of the first. Raises `MissingExtra` without the package opentelemetry-api.
    """
    global _running
    try:
        from optical_memory.telemetry.otel import OpenTelemetry
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "telemetry needs OpenTelemetry's API: pip install 'optical-memory[telemetry]'"
        ) from error
    disable()
    _running = OpenTelemetry(
        session_names=session_names,
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
    )
    measuring.put_sink(_running)


def disable() -> None:
    """Send nothing to OpenTelemetry any more."""
    global _running
    if _running is not None:
        measuring.remove_sink(_running)
        _running.close()
        _running = None


def enable_if_asked() -> None:
    """Do as `VARIABLE` says, once in a process. If the API is absent, the log says so."""
    global _has_looked
    if _has_looked:
        return
    _has_looked = True
    if os.environ.get(VARIABLE, "").lower() not in _YES or _running is not None:
        return
    try:
        enable()
    except MissingExtra as error:
        emit(TELEMETRY_ABSENT, error=error, variable=VARIABLE)
