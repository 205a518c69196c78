"""Files of conversations with questions whose evidence is known, told apart by their content.

LoCoMo, LongMemEval and BEAM name their evidence. MemoryBank's was labelled for this project, and
questions about tau-bench runs are made of the runs.
"""

from __future__ import annotations

from pathlib import Path

from optical_memory.errors import InputError
from optical_memory.loaders.corpora.evaluations import is_memorybank
from optical_memory.loaders.files import read_json
from optical_memory.measure.finding.questions.beam import beam_chats, beam_set
from optical_memory.measure.finding.questions.locomo import locomo_set
from optical_memory.measure.finding.questions.longmemeval import longmemeval_set
from optical_memory.measure.finding.questions.memorybank import memorybank_sets
from optical_memory.measure.finding.questions.question_set import EvidenceQuestion, QuestionSet
from optical_memory.measure.finding.questions.taubench import taubench_sets

__all__ = [
    "EvidenceQuestion",
    "QuestionSet",
    "read_question_sets",
]


def read_question_sets(path: Path) -> list[QuestionSet]:
    """The conversations and questions of a file.

    It may be of LoCoMo, LongMemEval, MemoryBank or tau-bench, or BEAM's chats. Of BEAM it takes a
    `chat.json` with its `probing_questions` beside it, or a folder of chats. MemoryBank's questions
    stand beside its file too. Raises `InputError` if there are no questions.
    """
    if path.is_dir():
        return [beam_set(chat) for chat in beam_chats(path)]
    if path.name == "chat.json":
        return [beam_set(path)]
    data = read_json(path)
    if is_memorybank(data):
        return memorybank_sets(path)
    items = data if isinstance(data, list) else [data]
    keys = set(items[0]) if items and isinstance(items[0], dict) else set()
    if "haystack_sessions" in keys:
        return [longmemeval_set(item, path) for item in items]
    if {"qa", "conversation"} <= keys:
        return [locomo_set(item) for item in items]
    if "traj" in keys:
        return taubench_sets(path)
    raise InputError(
        f"{path.name}: no questions with evidence in it; "
        "expected LoCoMo, LongMemEval, BEAM, MemoryBank or tau-bench"
    )
