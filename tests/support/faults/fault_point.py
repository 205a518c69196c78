"""The point of a run at which a fault comes: a step by its number, once or for ever."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from optical_memory.errors import StoreError, StoreTimeout

__all__ = [
    "FaultPoint",
    "Mode",
]

Result = TypeVar("Result")

Mode = Literal["refused", "lost answer", "down", "timeout", "killed", "killed after", "overtaken"]
"""What happens at the point.

* refused: the step fails and has no effect; the next step works.
* lost answer: the step has its effect and fails; the next step works.
* down: this step and every later step fail and have no effect.
* timeout: as refused, by an error of time.
* killed, killed after: the process ends by signal 9, before the step or after it.
* overtaken: another process does something first.
"""


@dataclass
class FaultPoint:
    """Counts the steps of a run, and does what `mode` says at step `number` (from 1)."""

    mode: Mode
    number: int
    other: Callable[[], None] = lambda: None
    error: Callable[[], Exception] = lambda: StoreError("a fault that the test put here")
    n_steps: int = 0
    is_armed: bool = False
    has_fired: bool = False
    steps: list[str] = field(default_factory=list)

    def step(self, name: str, act: Callable[[], Result]) -> Result:
        """Do a step, unless the fault comes at it."""
        if not self.is_armed:
            return act()
        self.n_steps += 1
        self.steps.append(name)
        is_here = self.n_steps == self.number
        if not is_here and not (self.mode == "down" and self.n_steps > self.number):
            return act()
        self.has_fired = True
        if self.mode == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mode == "overtaken":
            self.is_armed = False
            self.other()
            self.is_armed = True
            return act()
        if self.mode in ("lost answer", "killed after"):
            act()
        if self.mode == "killed after":
            os.kill(os.getpid(), signal.SIGKILL)
        raise StoreTimeout("no answer in time") if self.mode == "timeout" else self.error()
