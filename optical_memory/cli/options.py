"""Options that several commands share, and the memory or store that they name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import typer

from optical_memory.errors import InputError
from optical_memory.ledger import LedgerScope
from optical_memory.loaders import Conversation
from optical_memory.memory import OpticalMemory
from optical_memory.readers import open_reader
from optical_memory.session.records import Retain
from optical_memory.stores import Store, default_store, open_store

__all__ = [
    "BUDGET",
    "AsJson",
    "Capacity",
    "CodecName",
    "KeepTurns",
    "LedgerOption",
    "LogJson",
    "Provider",
    "ReaderName",
    "Retention",
    "SessionName",
    "StoreUrl",
    "open_memory",
    "pick",
    "store_from_option",
]

BUDGET = 8_000
"""Tokens of an agent's window that a memory may use, unless the user says otherwise."""

CodecName = Literal["int8", "f16", "int4"]
"""The names of `tokens.codec`."""

Provider = Literal["claude", "openai", "openai-mini", "gemini"]
"""The names of `counting.IMAGE_PRICES`."""

StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="OPTICAL_MEMORY_STORE",
        help="sqlite:///FILE, redis://…, rediss://…, unix://…; "
        "without it a file in your data directory.",
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
Retention = Annotated[
    Retain,
    typer.Option("--retain", help="'pages' drops a certified page's text, 'text' keeps it."),
]
LedgerOption = Annotated[
    LedgerScope,
    typer.Option(
        "--ledger",
        help="Text kept beside a picture: 'auto' keeps what the reader's certificate doubts, 'all' "
        "all exact facts too.",
    ),
]
Capacity = Annotated[
    int | None,
    typer.Option(
        "--capacity",
        min=0,
        help="Visual tokens to keep: beyond it the oldest pages are lost. Without it pages fade "
        "with age, and none is lost.",
    ),
]
KeepTurns = Annotated[int, typer.Option(help="The newest turns that always stay text.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

LogJson = Annotated[
    bool,
    typer.Option(
        "--log-json",
        envvar="OPTICAL_MEMORY_LOG_JSON",
        help="Write the log to standard error as lines of JSON.",
    ),
]


def store_from_option(url: str | None) -> Store:
    """The store of `--store`. Raises `typer.BadParameter` if there is no such kind of store."""
    try:
        return open_store(url or default_store())
    except InputError as error:
        raise typer.BadParameter(str(error), param_hint="--store") from error


@contextmanager
def open_memory(
    url: str | None, session: str, reader: str, *, new: bool = False, **settings: Any
) -> Iterator[OpticalMemory]:
    """The memory of a session; `settings` are those of `OpticalMemory`.

    It closes the store only: a command that remembers closes the memory itself, which finishes the
    background work. Raises `InputError` if the session was never written, unless it may be `new`.
    """
    store = store_from_option(url)
    try:
        if not new and not store.version(session).exists:
            names = ", ".join(map(repr, store.sessions())) or "none"
            raise InputError(f"no session {session!r} in this store; it has {names}")
        memory = OpticalMemory(session, store=store, reader=open_reader(reader), **settings)
        memory.deadline = None  # a command may wait: it has no later turn
        yield memory
    finally:
        store.close()


def pick(conversations: Sequence[Conversation], number: int | None, source: str) -> Conversation:
    """The conversation with this number, from 1; `source` names the file in errors.

    Raises `InputError` if there is no such number, or no number and several conversations.
    """
    count = len(conversations)
    if number is None and count > 1:
        raise InputError(
            f"{source} holds {count} conversations: choose one with --conversation 1 to {count}, "
            "or keep all with --session-per-conversation"
        )
    if number is not None and not 1 <= number <= count:
        raise InputError(f"{source} holds {count} conversations; there is no number {number}")
    return conversations[(number or 1) - 1]
