"""Loading a model of transformers without a progress bar on the caller's stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any, TypeAlias

from transformers.utils import logging

from optical_memory.readers.locked_property import LOADING

__all__ = ["quiet_loading"]

BarFactory = Callable[..., Any]
"""Makes a progress bar: `tqdm`, or a stand-in if the user has switched bars off."""

Hook: TypeAlias = Callable[[BarFactory, tuple[Any, ...], dict[str, Any]], Any]


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Hold `LOADING`; meanwhile transformers shows no progress bar for this thread.

    The user's own setting does not change, and bars of other threads are shown as ever. The lock
    also keeps two loads from putting the hook of transformers back in the wrong order.
    """
    with LOADING:
        hook = _QuietHook()
        hook.previous = logging.set_tqdm_hook(hook)
        try:
            yield
        finally:
            logging.set_tqdm_hook(hook.previous)


class _QuietHook:
    """Makes the progress bars of transformers while it is set; those of this thread stay blank."""

    def __init__(self) -> None:
        self.thread = get_ident()
        self.previous: Hook | None = None

    def __call__(self, factory: BarFactory, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if get_ident() == self.thread:
            options = {**options, "disable": True}
        if self.previous is not None:
            return self.previous(factory, args, options)
        return factory(*args, **options)
