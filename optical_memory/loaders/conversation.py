"""A conversation as a value, and what of a file did not become part of it.

A loader takes a `Path`, which it reads, a `Document`, or the data itself. It raises `InputError`
with the place of whatever it cannot read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optical_memory.errors import InputError
from optical_memory.turns import Turn

__all__ = [
    "EMPTY",
    "Conversation",
    "LeftOut",
    "LoadedFile",
    "conversation",
]

EMPTY = "an empty message"
"""Why a message without words, calls and attachments is left out."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Words of a file that are in no turn: the place, such as `messages[17].signature`, why they
    were left out, and the words.
    """

    place: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns in order. `meta` has the file's words about the whole (title, model, speakers), as
    strings. `left_out` has the words that the loader left out on purpose, each with its reason.
    """

    id: str
    turns: tuple[Turn, ...]
    meta: Mapping[str, str] = field(default_factory=dict, hash=False)
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """The conversations of a file, the name of its format, and all words of it that are in no turn
    and in no `meta`, each with its reason.
    """

    path: Path
    format: str
    conversations: tuple[Conversation, ...]
    left_out: tuple[LeftOut, ...] = ()


def conversation(
    id: str,
    turns: list[Turn],
    meta: Mapping[str, Any] | None = None,
    left_out: Sequence[LeftOut] = (),
) -> Conversation:
    """A conversation of at least one turn; of `meta`, texts and numbers are kept.

    A turn without words, calls and attachments is nothing: it is left out, and told. The empty
    answer of a tool stays, because it belongs to a call. Raises `InputError` if no turn is left.
    """
    empty = [
        LeftOut(f"{id}, message {n}", EMPTY, turn.name or "")
        for n, turn in enumerate(turns, 1)
        if _is_empty(turn)
    ]
    if empty:
        turns = [turn for turn in turns if not _is_empty(turn)]
    if not turns:
        raise InputError(
            f"{id}: no turns in it; take a file with at least one message that has words"
        )
    items = (meta or {}).items()
    texts = {key: str(value) for key, value in items if isinstance(value, str | int | float)}
    return Conversation(id, tuple(turns), texts, (*left_out, *empty))


def _is_empty(turn: Turn) -> bool:
    has_text = bool(turn.text) and not turn.text.isspace()
    return not (has_text or turn.tool_calls or turn.attachments or turn.tool_call_id)
