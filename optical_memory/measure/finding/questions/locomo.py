"""LoCoMo's questions: each names the turns of its evidence."""

from __future__ import annotations

import re
from typing import Any

from optical_memory.loaders import locomo
from optical_memory.measure.finding.questions.question_set import (
    EvidenceQuestion,
    QuestionSet,
    question_set,
)

__all__ = [
    "locomo_set",
]

KINDS = {
    1: "multi-hop",
    2: "temporal",
    3: "open-domain",
    4: "single-hop",
    5: "adversarial",
}
"""LoCoMo's categories by number, as its authors name them."""

_TURN_ID = re.compile(r"D:?(\d+):(\d+)")  # some files have "D:11:26" and "D8:6; D9:17"


def locomo_set(item: dict[str, Any]) -> QuestionSet:
    """The conversation and the questions of an item of LoCoMo."""
    [conversation] = locomo(item)
    questions = (_question(entry) for entry in item["qa"])
    return question_set(conversation, questions, lambda id: id.partition(":")[0])


def _question(entry: dict[str, Any]) -> EvidenceQuestion:
    places = _TURN_ID.findall(" ".join(map(str, entry.get("evidence") or [])))
    ids = tuple(f"D{int(session)}:{int(number)}" for session, number in places)
    kind = KINDS.get(entry.get("category", 0), "other")
    return EvidenceQuestion(str(entry["question"]), kind, ids)
