"""BEAM's questions: they lie beside each chat and name the messages of their evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders import beam
from optical_memory.loaders.files import read_json
from optical_memory.measure.finding.questions.question_set import (
    ADVERSARIAL,
    EvidenceQuestion,
    QuestionSet,
    question_set,
)

__all__ = [
    "beam_chats",
    "beam_set",
]

_NUMBER = re.compile(r"\d+")


def beam_chats(folder: Path) -> list[Path]:
    """The chats of BEAM in a folder. Raises `InputError` if there are none."""
    chats = sorted(folder.rglob("chat.json"), key=_chat_number)
    if not chats:
        raise InputError(f"{folder}: no chat.json in this folder; expected BEAM's chats")
    return chats


def _chat_number(chat: Path) -> tuple[int, str]:
    """Orders the chats 1, 2, …, 10."""
    name = chat.parent.name
    return int(name) if name.isdecimal() else 0, str(chat)


def beam_set(chat: Path) -> QuestionSet:
    """A chat and its questions. Raises `InputError` if the questions are not beside it."""
    file = chat.parent / "probing_questions" / "probing_questions.json"
    by_kind = read_json(file)
    if not isinstance(by_kind, dict):
        raise InputError(f"{file}: expected an object of questions by kind")
    [conversation] = beam(chat)
    batches = _batches(read_json(chat))
    return question_set(conversation, _questions(by_kind), lambda id: batches.get(id, "no batch"))


def _questions(by_kind: Mapping[str, Any]) -> Iterator[EvidenceQuestion]:
    for kind, entries in by_kind.items():
        for entry in entries:
            ids = tuple(_numbers(entry.get("source_chat_ids")))
            is_adversarial = kind == "abstention"
            yield EvidenceQuestion(entry["question"], ADVERSARIAL if is_adversarial else kind, ids)


def _numbers(value: Any) -> Iterator[str]:
    """All numbers in a value of any shape: lists in lists, objects, texts such as "chat_id: 58"."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif value is not None:
        yield from _NUMBER.findall(str(value))


def _batches(batches: list[Any]) -> dict[str, str]:
    """The batch of each turn, as its session, by the turn's id."""
    sessions: dict[str, str] = {}
    for n, batch in enumerate(batches, 1):
        for exchange in batch["turns"]:
            messages = exchange if isinstance(exchange, list) else [exchange]
            sessions.update((str(message["id"]), f"batch {n}") for message in messages)
    return sessions
