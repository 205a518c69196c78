"""The options that name a memory, and opening it: a command that only reads never starts background
work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from optical_memory.errors import InputError
from optical_memory.loaders import Conversation
from optical_memory.memory import OpticalMemory
from optical_memory.readers import open_reader
from optical_memory.session.upkeep import default_store
from optical_memory.stores import Store, open_store

__all__ = ["AsJson", "ReaderName", "SessionName", "StoreUrl", "chosen", "opened", "store_at"]

StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="OPTICAL_MEMORY_STORE",
        help="sqlite:///FILE, redis://…, rediss://…, unix://…; without it a file in your data directory.",
    ),
]
SessionName = Annotated[
    str,
    typer.Option(
        "--session", envvar="OPTICAL_MEMORY_SESSION", help="The session, one for each conversation."
    ),
]
ReaderName = Annotated[
    str,
    typer.Option(
        "--reader",
        envvar="OPTICAL_MEMORY_READER",
        help="'pocket', a checkpoint's folder or hub repository, vllm+http://…",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def store_at(url: str | None) -> Store:
    """The store that `--store` names. Raises `typer.BadParameter` for a URL that names none."""
    try:
        return open_store(url or default_store())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--store") from error


@contextmanager
def opened(
    url: str | None, session: str, reader: str, *, new: bool = False, **settings: Any
) -> Iterator[OpticalMemory]:
    """The memory of a session. Raises `InputError` for one that was never written, unless it may be
    `new`.
    """
    store = store_at(url)
    try:
        if not new and not store.version(session):
            known = ", ".join(map(repr, store.sessions())) or "none"
            raise InputError(f"no session {session!r} in this store; it has {known}")
        yield OpticalMemory(session, store=store, reader=open_reader(reader), **settings)
    finally:
        store.close()


def chosen(conversations: list[Conversation], number: int | None, source: str) -> Conversation:
    """The conversation with this number, from 1; without a number a file must hold just one."""
    count = len(conversations)
    if number is None and count > 1:
        raise InputError(
            f"{source} holds {count} conversations: choose one with --conversation 1 to {count}"
        )
    if number is not None and not 1 <= number <= count:
        raise InputError(f"{source} holds {count} conversations; there is no number {number}")
    return conversations[(number or 1) - 1]
