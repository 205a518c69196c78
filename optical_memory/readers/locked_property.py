"""A property that loads its value once, under a lock that the whole process shares.

Models load through it. transformers sets the default dtype of the whole process while it builds a
model. If two models loaded at the same time, each could get the other's dtype, for good.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Generic, Self, TypeVar, overload

__all__ = [
    "LOADING",
    "locked_cached_property",
]

LOADING = RLock()
"""Held while a model loads: one model loads at a time in the process.

The thread that holds it may take it again, because a load may call other loads.
"""

Owner = TypeVar("Owner")
Value = TypeVar("Value")


class locked_cached_property(Generic[Owner, Value]):  # a decorator, named like functools' own
    """Like `functools.cached_property`, but `load` runs once however many threads ask.

    `LOADING` is held while `load` runs. The value is kept in the `__dict__` of the instance; after
    that, no lock is taken. If `load` raises, nothing is kept, and the next access calls it again.
    """

    def __init__(self, load: Callable[[Owner], Value]) -> None:
        self._load = load
        self._name = load.__name__
        self.__doc__ = load.__doc__

    def __set_name__(self, owner: type[Owner], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type[Owner]) -> Self: ...

    @overload
    def __get__(self, instance: Owner, owner: type[Owner]) -> Value: ...

    def __get__(self, instance: Owner | None, owner: type[Owner]) -> Self | Value:
        if instance is None:
            return self
        values = instance.__dict__
        with LOADING:
            if self._name not in values:  # no other thread loaded it while this thread waited
                values[self._name] = self._load(instance)
            value: Value = values[self._name]
            return value
