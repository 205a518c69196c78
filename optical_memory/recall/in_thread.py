"""The async twin of a method that waits for a store or a model."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

__all__ = ["in_thread"]

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


def in_thread(
    method: Callable[Arguments, Result],
) -> Callable[Arguments, Coroutine[Any, Any, Result]]:
    """The async twin of a method: it runs on a thread, so that the event loop goes on."""

    @functools.wraps(method)
    async def twin(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        return await asyncio.to_thread(method, *args, **kwargs)

    return twin
