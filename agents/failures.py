"""What happens in an agent's path if the memory fails: no memory this turn, and a line in the log.

No turn breaks, and no error text goes into a conversation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from optical_memory.errors import Forgotten, OpticalMemoryError
from optical_memory.stores.turn_time import TURN_SECONDS, turn_time
from optical_memory.telemetry.event_table import VERB_FAILED
from optical_memory.telemetry.events import emit
from optical_memory.telemetry.instruments import FAILURES as FAILURES_COUNT
from optical_memory.telemetry.measuring import add

__all__ = [
    "FAILURES",
    "NO_MEMORY",
    "OnError",
    "log_failure",
    "or_else",
    "turn_or_else",
]

Result = TypeVar("Result")

OnError = Literal["passthrough", "raise"]
"""If the memory fails: the agent goes on without it, or the error is raised."""

FAILURES = (OpticalMemoryError, Forgotten, OSError)
"""Everything that a memory may raise for reasons that an agent cannot mend."""

NO_MEMORY = "The memory cannot be reached now."
"""All that a model is told of a failure, if it asked: the reason is in the log."""


def or_else(
    action: str, function: Callable[[], Result], default: Result, *, raises: bool = False
) -> Result:
    """The function's result; the default if the memory fails. `action` names it in the log.

    With `raises` the error of the memory is raised.
    """
    try:
        return function()
    except FAILURES as error:
        if raises:
            raise
        log_failure(action, error)
        return default


def turn_or_else(action: str, function: Callable[[], Result], default: Result) -> Result:
    """As `or_else`, in a single turn, however many questions to the store the function asks."""
    with turn_time(TURN_SECONDS):
        return or_else(action, function, default)


def log_failure(action: str, error: BaseException) -> None:
    """A warning in the log: what failed, and that the agent goes on without it."""
    add(FAILURES_COUNT, error__type=type(error).__name__)
    emit(VERB_FAILED, action=action, error=error)
