"""Times: the days that a question names, and texts that can answer when and how many."""

from __future__ import annotations

from optical_memory.search.times.mentions import has_time_or_number
from optical_memory.search.times.questions import QuestionKind, ask_times, question_kind
from optical_memory.search.times.ranges import Grain, TimeRange

__all__ = [
    "Grain",
    "QuestionKind",
    "TimeRange",
    "ask_times",
    "has_time_or_number",
    "question_kind",
]
