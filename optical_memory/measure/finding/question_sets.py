"""Conversations with questions whose evidence is known: LoCoMo, LongMemEval and BEAM.

Some questions cannot be judged by the text of turns: adversarial questions, which have no answer,
and questions whose evidence is missing or only a picture. They are left out and counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders import Conversation, beam, locomo, longmemeval
from optical_memory.loaders.base import read_json

__all__ = [
    "EvidenceQuestion",
    "QuestionSet",
    "read_question_sets",
]

LOCOMO_KINDS = {
    1: "multi-hop",
    2: "temporal",
    3: "open-domain",
    4: "single-hop",
    5: "adversarial",
}
"""LoCoMo's categories by number, as its authors name them."""

# Reasons to leave a question out.
ADVERSARIAL = "adversarial"
NO_EVIDENCE = "no evidence"
ONLY_PICTURE = "only a picture"

_LOCOMO_ID = re.compile(r"D:?(\d+):(\d+)")  # some files have "D:11:26" and "D8:6; D9:17"
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class EvidenceQuestion:
    """A question, its kind in the words of its data set, and the turns that hold the answer."""

    text: str
    kind: str
    turn_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A conversation and its questions; `sessions` is the session of each turn by the turn's id.

    `n_left_out` counts the questions that cannot be judged, by the reason.
    """

    conversation: Conversation
    questions: tuple[EvidenceQuestion, ...]
    sessions: Mapping[str, str]
    n_left_out: Mapping[str, int]


def read_question_sets(path: Path) -> list[QuestionSet]:
    """The conversations and questions of a file of LoCoMo or LongMemEval, or of BEAM's chats.

    Of BEAM it takes a `chat.json` with its `probing_questions` beside it, or a folder of chats.
    Raises `InputError` if there are no questions in it.
    """
    if path.is_dir():
        return [_beam_set(chat) for chat in _chats(path)]
    if path.name == "chat.json":
        return [_beam_set(path)]
    data = read_json(path)
    items = data if isinstance(data, list) else [data]
    keys = set(items[0]) if items and isinstance(items[0], dict) else set()
    if "haystack_sessions" in keys:
        return [_longmemeval_set(item, path) for item in items]
    if {"qa", "conversation"} <= keys:
        return [_locomo_set(item) for item in items]
    raise InputError(
        f"{path.name}: no questions with evidence in it; expected LoCoMo, LongMemEval or BEAM"
    )


def _chats(folder: Path) -> list[Path]:
    """The chats of BEAM in a folder. Raises `InputError` if there are none."""
    chats = sorted(folder.rglob("chat.json"), key=_chat_number)
    if not chats:
        raise InputError(f"{folder}: no chat.json in this folder; expected BEAM's chats")
    return chats


def _chat_number(chat: Path) -> tuple[int, str]:
    """Orders the chats 1, 2, …, 10."""
    name = chat.parent.name
    return int(name) if name.isdecimal() else 0, str(chat)


def _question_set(
    conversation: Conversation,
    questions: Iterator[EvidenceQuestion],
    session_of: Callable[[str], str],
) -> QuestionSet:
    """The questions that can be judged, and counts of those that cannot."""
    texts = {turn.id: turn.text for turn in conversation.turns if turn.id}
    n_left_out: Counter[str] = Counter()
    usable: list[EvidenceQuestion] = []
    for question in questions:
        reason = _reason_to_leave_out(question, texts)
        if reason:
            n_left_out[reason] += 1
            continue
        # A turn that is only a picture has no words that could be handed over.
        ids = tuple(id for id in dict.fromkeys(question.turn_ids) if texts.get(id, "").strip())
        usable.append(EvidenceQuestion(question.text, question.kind, ids))
    sessions = {id: session_of(id) for id in texts}
    return QuestionSet(conversation, tuple(usable), sessions, n_left_out)


def _reason_to_leave_out(question: EvidenceQuestion, texts: Mapping[str, str]) -> str | None:
    """Why a question cannot be judged, None if it can."""
    if question.kind == ADVERSARIAL:
        return ADVERSARIAL
    evidence = [texts[id] for id in question.turn_ids if id in texts]
    if not evidence:
        return NO_EVIDENCE
    return None if any(text.strip() for text in evidence) else ONLY_PICTURE


# ---- LoCoMo --------------------------------------------------------------------------------------


def _locomo_set(item: dict[str, Any]) -> QuestionSet:
    [conversation] = locomo(item)
    questions = (_locomo_question(entry) for entry in item["qa"])
    return _question_set(conversation, questions, lambda id: id.partition(":")[0])


def _locomo_question(entry: dict[str, Any]) -> EvidenceQuestion:
    places = _LOCOMO_ID.findall(" ".join(map(str, entry.get("evidence") or [])))
    ids = tuple(f"D{int(session)}:{int(number)}" for session, number in places)
    kind = LOCOMO_KINDS.get(entry.get("category", 0), "other")
    return EvidenceQuestion(str(entry["question"]), kind, ids)


# ---- LongMemEval ---------------------------------------------------------------------------------


def _longmemeval_set(item: dict[str, Any], path: Path) -> QuestionSet:
    [conversation] = longmemeval(item)
    sessions = dict(_longmemeval_sessions(item))
    ids = [turn.id for turn in conversation.turns if turn.id]
    evidence = tuple(id for id in ids if id in set(_longmemeval_evidence(item, ids)))
    is_abstention = str(item.get("question_id", "")).endswith("_abs")
    kind = ADVERSARIAL if is_abstention else str(item.get("question_type", "other"))
    text = item.get("question") or item.get("questions")
    if isinstance(text, list):
        text = text[0] if text else None
    if not isinstance(text, str):
        raise InputError(f"{path.name}: {conversation.id} has no question")
    question = EvidenceQuestion(text, kind, evidence)
    return _question_set(conversation, iter([question]), lambda id: sessions.get(id, id))


def _longmemeval_sessions(item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(turn id, session id) of every turn; the turn ids are those of the loader."""
    for session, id, suffix in _longmemeval_haystack(item):
        for n in range(1, len(session) + 1):
            yield f"{id}_{n}{suffix}", id


def _longmemeval_evidence(item: dict[str, Any], ids: list[str]) -> Iterator[str]:
    """The ids of the turns that are marked with `has_answer`."""
    for session, id, suffix in _longmemeval_haystack(item):
        for n, message in enumerate(session, 1):
            if isinstance(message, dict) and message.get("has_answer"):
                yield f"{id}_{n}{suffix}"


def _longmemeval_haystack(item: dict[str, Any]) -> Iterator[tuple[list[Any], str, str]]:
    """(messages, session id, suffix of the turn ids) of every session."""
    sessions = item["haystack_sessions"]
    ids = item.get("haystack_session_ids") or [f"session{n}" for n in range(len(sessions))]
    occurrences: Counter[str] = Counter()
    for session, id in zip(sessions, ids, strict=True):
        occurrences[id] += 1
        yield session, id, f"~{occurrences[id]}" if occurrences[id] > 1 else ""


# ---- BEAM ----------------------------------------------------------------------------------------


def _beam_set(chat: Path) -> QuestionSet:
    file = chat.parent / "probing_questions" / "probing_questions.json"
    by_kind = read_json(file)
    if not isinstance(by_kind, dict):
        raise InputError(f"{file}: expected an object of questions by kind")
    [conversation] = beam(chat)
    batches = _beam_batches(read_json(chat))
    return _question_set(
        conversation, _beam_questions(by_kind), lambda id: batches.get(id, "no batch")
    )


def _beam_questions(by_kind: Mapping[str, Any]) -> Iterator[EvidenceQuestion]:
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


def _beam_batches(batches: list[Any]) -> dict[str, str]:
    """The batch of each turn, as its session, by the turn's id."""
    sessions: dict[str, str] = {}
    for n, batch in enumerate(batches, 1):
        for exchange in batch["turns"]:
            messages = exchange if isinstance(exchange, list) else [exchange]
            sessions.update((str(message["id"]), f"batch {n}") for message in messages)
    return sessions
