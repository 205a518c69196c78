"""Where the package measures itself: operations with their seconds, counts, and what is watched.

Off by default. Then an operation costs a look at `_sinks`, and nothing is imported. A sink is
OpenTelemetry (`otel`) or Prometheus (`prometheus`).
"""

from __future__ import annotations

import functools
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Concatenate, Final, NamedTuple, ParamSpec, Protocol, TypeVar

from optical_memory.telemetry.instruments import Instrument

__all__ = [
    "Level",
    "Operation",
    "Sink",
    "Watched",
    "add",
    "is_on",
    "levels",
    "measured",
    "measured_by",
    "operation",
    "put_sink",
    "remove_sink",
    "unwatch",
    "watch",
]

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")
Values = Mapping[str, str | int | float | bool]


class Sink(Protocol):
    """Takes what is measured. No method may raise or wait."""

    def begin(self, operation: Operation) -> object:
        """An operation begins; the answer is handed to `end`."""
        ...

    def end(self, operation: Operation, begun: Any, seconds: float, error: type | None) -> None:
        """The operation ended, with an error of this type or without any."""
        ...

    def add(self, instrument: Instrument, amount: float, labels: Mapping[str, str]) -> None:
        """Count."""
        ...


class Level(NamedTuple):
    """The present value of a gauge."""

    instrument: Instrument
    value: float
    labels: tuple[tuple[str, str], ...] = ()


class Watched(Protocol):
    """Something with levels, such as an open memory. To ask for them never asks a store."""

    def levels(self) -> Iterable[Level]:
        """The levels as they were known last."""
        ...


_sinks: tuple[Sink, ...] = ()
_change = threading.Lock()  # for both of these; never held while anything else is asked
_watched: weakref.WeakSet[Any] = weakref.WeakSet()
os.register_at_fork(
    before=_change.acquire, after_in_parent=_change.release, after_in_child=_change.release
)


def is_on() -> bool:
    """True if anybody listens."""
    return bool(_sinks)


def put_sink(sink: Sink) -> None:
    """Send everything that is measured from now on to this sink too."""
    global _sinks
    with _change:
        if sink not in _sinks:
            _sinks = (*_sinks, sink)


def remove_sink(sink: Sink) -> None:
    """Send nothing to this sink any more."""
    global _sinks
    with _change:
        _sinks = tuple(other for other in _sinks if other is not sink)


# ---- operations ----------------------------------------------------------------------------------


class Operation:
    """Something that takes time: a context manager, which measures if anybody listens.

    `attributes` are for spans alone. `session` is a name that a sink shows as it is told to.
    """

    __slots__ = ("_begun", "_start", "attributes", "is_of_store", "name", "session")

    def __init__(
        self, name: str, session: str | None, attributes: Values, *, is_of_store: bool = False
    ) -> None:
        self.name = name
        self.session = session
        self.attributes = dict(attributes)
        self.is_of_store = is_of_store
        self._begun: list[tuple[Sink, object]] = []
        self._start = 0.0

    def note(self, **attributes: str | int | float | bool) -> None:
        """Give the operation attributes; a double underscore stands for a point."""
        for name, value in attributes.items():
            self.attributes[name.replace("__", ".")] = value

    def __enter__(self) -> Operation:
        self._begun = [(sink, sink.begin(self)) for sink in _sinks]
        self._start = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        seconds = time.perf_counter() - self._start
        for sink, begun in reversed(self._begun):
            sink.end(self, begun, seconds, kind)


class _Nothing(Operation):
    """The operation while nobody listens: a single object for all."""

    __slots__ = ()

    def note(self, **attributes: str | int | float | bool) -> None:
        pass

    def __enter__(self) -> Operation:
        return self

    def __exit__(self, *error: object) -> None:
        pass


_NOTHING: Final = _Nothing("", None, {})


def operation(name: str, session: str | None = None, **attributes: str | int | float) -> Operation:
    """An operation with this name; a double underscore in an attribute stands for a point."""
    if not _sinks:
        return _NOTHING
    begun = Operation(name, session, {})
    begun.note(**attributes)
    return begun


class _WithSession(Protocol):
    @property
    def session(self) -> str: ...


Memory = TypeVar("Memory", bound=_WithSession)


def measured(
    method: Callable[Concatenate[Memory, Arguments], Result],
) -> Callable[Concatenate[Memory, Arguments], Result]:
    """The method as an operation of its name, on the session of its object."""

    def no_values(result: Result) -> Values:
        return {}

    return measured_by(no_values)(method)


def measured_by(
    count: Callable[[Result], Values],
) -> Callable[
    [Callable[Concatenate[Memory, Arguments], Result]],
    Callable[Concatenate[Memory, Arguments], Result],
]:
    """As `measured`; `count` gets the result, counts, and gives attributes for the span."""

    def decorate(
        method: Callable[Concatenate[Memory, Arguments], Result],
    ) -> Callable[Concatenate[Memory, Arguments], Result]:
        name = method.__name__

        def call(memory: Memory, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            if not _sinks:
                return method(memory, *args, **kwargs)
            with Operation(name, memory.session, {}) as begun:
                result = method(memory, *args, **kwargs)
                begun.attributes.update(count(result))
                return result

        functools.update_wrapper(call, method)
        return call

    return decorate


# ---- counts and levels ---------------------------------------------------------------------------


def add(instrument: Instrument, amount: float = 1, **labels: str) -> None:
    """Count; a double underscore in a label stands for a point."""
    if _sinks:
        values = {name.replace("__", "."): value for name, value in labels.items()}
        for sink in _sinks:
            sink.add(instrument, amount, values)


def watch(thing: Watched) -> None:
    """Let the gauges tell the levels of this thing too, as long as it lives or until `unwatch`."""
    with _change:
        _watched.add(thing)


def unwatch(thing: Watched) -> None:
    """Do not ask this thing any more."""
    with _change:
        _watched.discard(thing)


def levels() -> list[Level]:
    """The sums of the levels of everything that is watched; of seconds, the largest."""
    with _change:
        things = list(_watched)
    totals: dict[tuple[Instrument, tuple[tuple[str, str], ...]], float] = {}
    for thing in things:
        for instrument, value, labels in thing.levels():
            key = (instrument, labels)
            old = totals.get(key, 0.0)
            totals[key] = max(old, value) if instrument.unit == "s" else old + value
    return [Level(instrument, value, labels) for (instrument, labels), value in totals.items()]
