"""The time that a turn may wait for a store: a single budget for all its calls.

Only waiting counts, not the work of this process, unless the turn goes by the clock. A store asks
`time_left` before it waits and tells `spend` afterwards. A turn inside another shares its time.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

from optical_memory.errors import StoreTimeout

__all__ = [
    "TURN_SECONDS",
    "goes_by_clock",
    "in_turn",
    "require_time",
    "spend",
    "time_left",
    "turn_time",
]

TURN_SECONDS: Final = 1.8
"""A user notices two seconds; an agent's turn without a memory is better than a later turn. The
rest of the two seconds is for the work of this process, of which a recall has some tenths.
"""

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


class _Turn:
    """A turn that may wait `seconds`, or that must end within `seconds` from now."""

    def __init__(self, seconds: float, outer: _Turn | None, *, by_clock: bool) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds if by_clock else None
        self._outer = outer

    @property
    def seconds_left(self) -> float:
        own = self._seconds if self._end is None else self._end - time.monotonic()
        return own if self._outer is None else min(own, self._outer.seconds_left)

    @property
    def is_by_clock(self) -> bool:
        return self._end is not None or (self._outer is not None and self._outer.is_by_clock)

    def spend(self, seconds: float) -> None:
        self._seconds -= seconds
        if self._outer is not None:
            self._outer.spend(seconds)


_turn: ContextVar[_Turn | None] = ContextVar("optical_memory_turn", default=None)


@contextmanager
def turn_time(seconds: float | None, *, by_clock: bool = False) -> Iterator[None]:
    """A turn that waits for stores at most `seconds` in all; None for no limit of its own.

    With `by_clock` the work of this process counts too.
    """
    if seconds is None:
        yield
        return
    token = _turn.set(_Turn(seconds, _turn.get(), by_clock=by_clock))
    try:
        yield
    finally:
        _turn.reset(token)


def time_left() -> float | None:
    """The seconds that the present turn may still wait, 0 or more; None outside of a turn."""
    turn = _turn.get()
    return None if turn is None else max(0.0, turn.seconds_left)


def goes_by_clock() -> bool:
    """True if the present turn must end at some time, whatever it does until then."""
    turn = _turn.get()
    return turn is not None and turn.is_by_clock


def require_time() -> float | None:
    """As `time_left`. Raises `StoreTimeout` if nothing is left."""
    seconds = time_left()
    if seconds is not None and seconds <= 0:
        raise StoreTimeout("the turn has waited for the store as long as it may")
    return seconds


def spend(seconds: float) -> None:
    """Tell the present turn that it has waited so long."""
    turn = _turn.get()
    if turn is not None:
        turn.spend(seconds)


class _WithDeadline(Protocol):
    deadline: float | None


Memory = TypeVar("Memory", bound=_WithDeadline)


def in_turn(
    method: Callable[Concatenate[Memory, Arguments], Result],
) -> Callable[Concatenate[Memory, Arguments], Result]:
    """The method as a turn, which waits for the store at most the `deadline` of its object."""

    def bounded(memory: Memory, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with turn_time(memory.deadline):
            return method(memory, *args, **kwargs)

    functools.update_wrapper(bounded, method)
    return bounded
