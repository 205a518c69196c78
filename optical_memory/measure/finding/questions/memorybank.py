"""MemoryBank's probing questions, with evidence that this project labelled.

The data set names no evidence. For this project each user's ten days were read for each question,
in Chinese and in English, and every turn that holds the answer or a part of it was noted.
`memorybank_evidence.json` has these labels by language, user and number of the question. It has ids
of turns and no text of the data set. If no turn has the answer, the list is empty, and the question
is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from optical_memory.errors import InputError
from optical_memory.loaders import Conversation, memorybank
from optical_memory.loaders.files import read_json
from optical_memory.measure.finding.questions.question_set import (
    EvidenceQuestion,
    QuestionSet,
    question_set,
)

__all__ = [
    "memorybank_sets",
]

LANGUAGES = ("cn", "en")
"""The end of the file's name, as the authors of the data set write it."""

LABELS = Path(__file__).with_name("memorybank_evidence.json")

Labels = Mapping[str, list[str]]
"""The ids of the turns that answer, by the number of the question."""


def memorybank_sets(path: Path) -> list[QuestionSet]:
    """A conversation and its questions for each user of `memory_bank_cn.json` or `…_en.json`.

    The questions stand beside it, in a file that ends in `probing_questions_cn.jsonl` or
    `…_en.jsonl`. Raises `InputError` if there is no such file, or the name tells no language.
    """
    language = path.stem.rpartition("_")[2]
    if language not in LANGUAGES:
        raise InputError(f"{path.name}: expected MemoryBank's own name, memory_bank_cn or …_en")
    questions = _questions_by_user(path, language)
    labels: Mapping[str, Labels] = read_json(LABELS)[language]
    sets: list[QuestionSet] = []
    for conversation in memorybank(path):
        user = conversation.id
        entries = _questions(conversation, questions.get(user, []), labels.get(user, {}))
        sets.append(question_set(conversation, entries, lambda id: id.partition(":")[0]))
    return sets


def _questions_by_user(path: Path, language: str) -> dict[str, list[str]]:
    """The questions beside the file. Raises `InputError` if they are not there."""
    name = f"probing_questions_{language}.jsonl"
    files = sorted(path.parent.glob(f"*{name}"))
    if not files:
        raise InputError(f"{path.name}: no {name} beside it; expected MemoryBank's questions")
    questions: dict[str, list[str]] = {}
    for line in read_json(files[0]):
        if not isinstance(line, dict):
            raise InputError(f"{files[0].name}: expected an object of questions by user")
        questions.update((user.strip(), texts) for user, texts in line.items())
    return questions


def _questions(
    conversation: Conversation, texts: list[str], labels: Labels
) -> Iterator[EvidenceQuestion]:
    """The questions of a user; their kind says whose turns hold the answer."""
    roles = {turn.id: turn.role for turn in conversation.turns}
    for number, text in enumerate(texts, 1):
        ids = tuple(labels.get(str(number), ()))
        kind = " and ".join(sorted({roles[id] for id in ids if id in roles}, reverse=True))
        yield EvidenceQuestion(text, f"said by {kind}" if kind else "no answer", ids)
