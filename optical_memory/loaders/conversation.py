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
    "Conversation",
    "LeftOut",
    "LoadedFile",
    "conversation",
]


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

    Raises `InputError` if there are no turns.
    """
    if not turns:
        raise InputError(f"{id}: no turns in it; expected at least one message")
    items = (meta or {}).items()
    texts = {key: str(value) for key, value in items if isinstance(value, str | int | float)}
    return Conversation(id, tuple(turns), texts, tuple(left_out))
