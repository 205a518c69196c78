"""Calls of a store as operations: a decorator of the store's class."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, TypeVar

from optical_memory.telemetry import measuring
from optical_memory.telemetry.measuring import Operation

__all__ = ["measure_calls"]

Class = TypeVar("Class", bound=type)

CALLS: Final = (
    "version",
    "get",
    "scan",
    "keys",
    "changes",
    "changes_since",
    "load",
    "get_many",
    "commit",
    "sessions",
    "drop",
    "get_blobs",
    "put_blobs",
    "drop_blobs",
    "scrub",
    "check",
)
"""The calls that are measured, if the class has them."""

WITHOUT_SESSION: Final = ("sessions", "scrub", "check")


def measure_calls(system: str) -> Callable[[Class], Class]:
    """Make every call of a store an operation; `system` is `db.system.name` of OpenTelemetry."""

    def decorate(cls: Class) -> Class:
        for name in CALLS:
            if name in vars(cls):
                setattr(cls, name, _measured(vars(cls)[name], name, system))
        return cls

    return decorate


def _measured(method: Callable[..., Any], name: str, system: str) -> Callable[..., Any]:
    has_session = name not in WITHOUT_SESSION
    attributes = {"db.system.name": system, "db.operation.name": name}

    def call(store: Any, *args: Any, **kwargs: Any) -> Any:
        if not measuring.is_on():
            return method(store, *args, **kwargs)
        session = args[0] if has_session and args else None
        with Operation(name, session, attributes, is_of_store=True):
            return method(store, *args, **kwargs)

    return functools.update_wrapper(call, method)
