"""A conversation with questions whose evidence is known, and why a question cannot be judged.

Some questions cannot be judged by the text of turns: adversarial questions, which have no answer,
and questions whose evidence is missing or only a picture. They are left out and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from optical_memory.loaders import Conversation
from optical_memory.turns import Turn, call_text

__all__ = [
    "ADVERSARIAL",
    "EvidenceQuestion",
    "QuestionSet",
    "evidence_text",
    "question_set",
]

# Reasons to leave a question out.
ADVERSARIAL = "adversarial"
NO_EVIDENCE = "no evidence"
ONLY_PICTURE = "only a picture"


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


def evidence_text(turn: Turn) -> str:
    """The words that a window must hold: a turn's text and its calls.

    >>> from optical_memory.turns import ToolCall
    >>> evidence_text(Turn("assistant", "", tool_calls=(ToolCall("find"),)))
    '=> find({})'

    Captions are the words of a machine about a picture, so they are no evidence.
    """
    calls = [call_text(call) for call in turn.tool_calls]
    return "\n".join([turn.text, *calls] if turn.text else calls)


def question_set(
    conversation: Conversation,
    questions: Iterable[EvidenceQuestion],
    session_of: Callable[[str], str],
) -> QuestionSet:
    """The questions that can be judged, and counts of those that cannot."""
    texts = {turn.id: evidence_text(turn) for turn in conversation.turns if turn.id}
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
