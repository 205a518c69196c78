"""Options that several commands share, and the memory or store that they name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from optical_memory.errors import InputError
from optical_memory.ledger import LedgerScope
from optical_memory.loaders import Conversation
from optical_memory.memory import OpticalMemory
from optical_memory.readers import open_reader
from optical_memory.redaction.redact import SecretPolicy
from optical_memory.session.records import Retain
from optical_memory.stores import Store, TenantKey, default_store, open_store
from optical_memory.stores.encryption.tenant_key import KEY_VARIABLE

__all__ = [
    "BUDGET",
    "AsJson",
    "Capacity",
    "CodecName",
    "KeepTurns",
    "KeyFile",
    "LedgerOption",
    "LogJson",
    "Provider",
    "ReaderName",
    "Retention",
    "Secrets",
    "SessionName",
    "StoreUrl",
    "key_from_options",
    "open_memory",
    "pick",
    "redact_of",
    "store_from_option",
]

BUDGET = 8_000
"""Tokens of an agent's window that a memory may use, unless the user says otherwise."""

MAX_NAMES = 20
"""Sessions that an error lists: a store may have thousands."""

CodecName = Literal["int8", "f16", "int4"]
"""The names of `tokens.codec`."""

Provider = Literal["claude", "openai", "openai-mini", "gemini"]
"""The names of `counting.IMAGE_PRICES`."""

SecretsWord = Literal["off", "mask", "drop"]
"""What the guard does with secrets: nothing, or as `OpticalMemory(redact=…)`."""

StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="OPTICAL_MEMORY_STORE",
        help="sqlite:///FILE, redis://…, rediss://…, unix://…; "
        "without it a file in your data directory.",
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        envvar="OPTICAL_MEMORY_KEY_FILE",
        help="The key of an encrypted session, in a file of mode 0600; or the key itself in "
        f"{KEY_VARIABLE}.",
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
Secrets = Annotated[
    SecretsWord,
    typer.Option(
        "--secrets",
        envvar="OPTICAL_MEMORY_SECRETS",
        help="Passwords and keys: 'mask' masks them, 'drop' keeps their turns out, before anything "
        "is kept; needs the extra secrets.",
    ),
]
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


def key_from_options(key_file: Path | None) -> TenantKey | None:
    """The key in the file of `--key-file`, or in the environment; None if there is neither.

    Raises `InputError`.
    """
    if key_file is not None:
        return TenantKey.from_file(key_file)
    return TenantKey.from_env() if os.environ.get(KEY_VARIABLE) else None


@contextmanager
def open_memory(
    url: str | None,
    session: str,
    reader: str,
    *,
    key_file: Path | None = None,
    new: bool = False,
    secrets: SecretsWord = "off",
    **settings: Any,
) -> Iterator[OpticalMemory]:
    """The memory of a session; `settings` are those of `OpticalMemory`.

    It closes the store only: a command that remembers closes the memory itself, which finishes the
    background work. Raises `InputError` if the session was never written, unless it may be `new`.
    """
    key = key_from_options(key_file)
    store = store_from_option(url)
    try:
        if not new and not store.version(session).exists:
            names = store.sessions()
            shown = ", ".join(map(repr, names[:MAX_NAMES])) or "none"
            more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
            raise InputError(f"no session {session!r} in this store; it has {shown}{more}")
        memory = OpticalMemory(
            session,
            store=store,
            reader=open_reader(reader),
            key=key,
            redact=redact_of(secrets),
            **settings,
        )
        memory.deadline = None  # a command may wait: it has no later turn
        yield memory
    finally:
        store.close()


def redact_of(secrets: SecretsWord) -> SecretPolicy | None:
    """The value of `OpticalMemory(redact=…)` for `--secrets`."""
    return None if secrets == "off" else secrets


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
