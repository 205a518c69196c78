"""A target of the fuzzer: how its cases are made, and what must hold for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from optical_memory.errors import Forgotten, OpticalMemoryError

__all__ = [
    "REFUSALS",
    "BrokenPromiseError",
    "Target",
]

REFUSALS = (OpticalMemoryError, Forgotten)
"""A case may be refused with these errors and with no others."""


class BrokenPromiseError(AssertionError):
    """The package did not crash, but its answer is wrong."""


@dataclass(frozen=True, slots=True)
class Target:
    """`make` gives a case, `check` raises if the package breaks a promise for it.

    A case is bytes, so that it can be kept in a file and played again. `weight` is its share of
    all cases: cheap targets get more of them.
    """

    name: str
    weight: float
    make: Callable[[Random], bytes]
    check: Callable[[bytes], object]
