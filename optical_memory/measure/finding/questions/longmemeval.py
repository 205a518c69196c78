"""LongMemEval's questions: each has its own history, in which the turns that answer are marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders import longmemeval
from optical_memory.measure.finding.questions.question_set import (
    ADVERSARIAL,
    EvidenceQuestion,
    QuestionSet,
    question_set,
)

__all__ = [
    "longmemeval_set",
]


def longmemeval_set(item: dict[str, Any], path: Path) -> QuestionSet:
    """The history and the question of an item. Raises `InputError` if it has no question."""
    [conversation] = longmemeval(item)
    sessions = dict(_sessions(item))
    ids = [turn.id for turn in conversation.turns if turn.id]
    marked_ids = set(_marked_ids(item))
    evidence = tuple(id for id in ids if id in marked_ids)
    is_abstention = str(item.get("question_id", "")).endswith("_abs")
    kind = ADVERSARIAL if is_abstention else str(item.get("question_type", "other"))
    text = item.get("question") or item.get("questions")
    if isinstance(text, list):
        text = text[0] if text else None
    if not isinstance(text, str):
        raise InputError(f"{path.name}: {conversation.id} has no question")
    question = EvidenceQuestion(text, kind, evidence)
    return question_set(conversation, [question], lambda id: sessions.get(id, id))


def _sessions(item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(turn id, session id) of every turn; the turn ids are those of the loader."""
    for session, id, suffix in _haystack(item):
        for n in range(1, len(session) + 1):
            yield f"{id}_{n}{suffix}", id


def _marked_ids(item: dict[str, Any]) -> Iterator[str]:
    """The ids of the turns that are marked with `has_answer`."""
    for session, id, suffix in _haystack(item):
        for n, message in enumerate(session, 1):
            if isinstance(message, dict) and message.get("has_answer"):
                yield f"{id}_{n}{suffix}"


def _haystack(item: dict[str, Any]) -> Iterator[tuple[list[Any], str, str]]:
    """(messages, session id, suffix of the turn ids) of every session."""
    sessions = item["haystack_sessions"]
    ids = item.get("haystack_session_ids") or [f"session{n}" for n in range(len(sessions))]
    occurrences: Counter[str] = Counter()
    for session, id in zip(sessions, ids, strict=True):
        occurrences[id] += 1
        yield session, id, f"~{occurrences[id]}" if occurrences[id] > 1 else ""
