"""Pages are read in several attempts: readings that failed are refused, and only those are tried
again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from optical_memory.readers.language.attempts import (
    NOT_READ,
    Attempt,
    Outcome,
    failure,
    read_in_attempts,
)
from optical_memory.readers.language.decoder import Guard, Task, Transcript

ATTEMPTS = [Attempt("first", Guard(30, 90)), Attempt("second", Guard(8, 512))]
TASKS = [Task(np.zeros((n, 4), np.float32), "", 100, Guard()) for n in range(3)]


def transcript_of(text: str, *, has_end: bool = True) -> Transcript:
    return Transcript(text, np.ones(len(text), np.float32), has_end)


@pytest.mark.parametrize(
    ("length", "has_end", "reason"),
    [
        (1000, True, None),
        (600, True, None),
        (1500, True, None),
        (1000, False, "did not end"),
        (300, True, "stopped early"),
        (2000, True, "too long"),
    ],
)
def test_a_reading_of_another_length_is_none(
    length: int, has_end: bool, reason: str | None
) -> None:
    answer = failure(transcript_of("x" * length, has_end=has_end), 1000)
    assert (answer is None) if reason is None else (answer is not None and reason in answer)


class Halting:
    """A decoder that fails on the page with `length` tokens, until its `last_failure`-th call."""

    def __init__(self, length: int, last_failure: int) -> None:
        self.length = length
        self.last_failure = last_failure
        self.calls: list[list[Task]] = []

    def transcribe(self, tasks: Sequence[Task]) -> list[Transcript]:
        self.calls.append(list(tasks))
        fails = len(self.calls) <= self.last_failure
        return [
            transcript_of(task.prompt, has_end=not (fails and len(task.tokens) == self.length))
            for task in tasks
        ]


def judge(transcript: Transcript, i: int, attempt: Attempt) -> Outcome:
    return transcript if transcript.ended else f"page {i} failed with {attempt.prompt}"


def test_only_pages_that_failed_are_read_again_with_the_next_prompt_and_guard() -> None:
    decoder = Halting(length=1, last_failure=1)
    outcomes = read_in_attempts(decoder, TASKS, ATTEMPTS, judge)
    first, second = decoder.calls
    assert [len(task.tokens) for task in first] == [0, 1, 2]
    assert [(len(task.tokens), task.prompt, task.guard) for task in second] == [
        (1, "second", ATTEMPTS[1].guard)
    ]
    assert [getattr(outcome, "text", None) for outcome in outcomes] == ["first", "second", "first"]


def test_a_page_that_failed_every_time_has_the_last_reason() -> None:
    outcomes = read_in_attempts(Halting(length=2, last_failure=9), TASKS, ATTEMPTS, judge)
    assert outcomes[2] == "page 2 failed with second"


def test_a_page_that_was_read_already_is_not_read_again() -> None:
    decoder = Halting(length=9, last_failure=0)
    earlier = transcript_of("earlier")
    outcomes = read_in_attempts(decoder, TASKS, ATTEMPTS, judge, [NOT_READ, earlier, NOT_READ])
    assert outcomes[1] is earlier
    assert [len(task.tokens) for task in decoder.calls[0]] == [0, 2]
    assert len(decoder.calls) == 1
