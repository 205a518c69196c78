"""The attempts at reading a page: prompts and guards in turn, and which transcript is a reading.

A page that truly repeats itself (a log, a table of equal rows) cannot be read under a guard against
loops: the guard forbids a right token. While the page's text is known, this is seen, and the page
is read without a guard first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from optical_memory.pages import Layout
from optical_memory.readers.deepseek.grounding import without_marks
from optical_memory.readers.language.align import fit, unread
from optical_memory.readers.language.attempts import (
    Attempt,
    Outcome,
    failure,
    read_in_attempts,
)
from optical_memory.readers.language.decoder import Decoder, Guard, Task, Transcript
from optical_memory.readers.language.family import Family
from optical_memory.readings import Reading
from optical_memory.telemetry.event_table import PAGE_NOT_READ, READING_FAILED
from optical_memory.telemetry.events import emit

__all__ = [
    "UNGUARDED",
    "PageAttempts",
    "forbids",
    "token_limit",
]

UNGUARDED = "unguarded"
"""The method of a reading that was made without a guard."""

CELLS_PER_TOKEN = 2.0
"""Half-em cells of text that a token has at least: prose has about 4, Chinese 2.6, random hex 2."""

SPARE_TOKENS = 64  # beyond those of the text, for a page of few words

NO_GUARD = Guard(ngram=100_000, window=100_000)
"""Forbids nothing: no page has as many tokens."""


class PageAttempts:
    """The attempts of a family of models."""

    def __init__(self, family: Family) -> None:
        prompts = family.prompts
        attempts = [Attempt(prompts["plain"], guard) for guard in family.guards]
        if "grounded" in prompts:
            attempts.append(Attempt(prompts["grounded"], family.guards[0]))
        self.usual: Sequence[Attempt] = attempts
        """From the usual prompt and guard to the last resort."""
        self.unguarded = Attempt(prompts["plain"], NO_GUARD)
        self._family = family

    def judge(self, transcript: Transcript, layout: Layout, attempt: Attempt) -> Outcome:
        """The transcript without the marks that come with its prompt, or the reason of its failure.

        Without such a prompt, marks in the text stand on the page itself.
        """
        has_marks = attempt.prompt == self._family.prompts.get("grounded")
        plain = without_marks(transcript) if has_marks or self._family.has_marks else transcript
        reason = failure(plain, layout.n_chars)
        if reason is None:
            return plain
        emit(READING_FAILED, reader=self._family.id, reason=reason)
        return reason

    def read(
        self,
        decoder: Decoder,
        tasks: Sequence[Task],
        layouts: Sequence[Layout],
        outcomes: Sequence[Outcome] = (),
    ) -> list[Reading]:
        """Read the pages that are not among `outcomes` yet, and align each with its layout."""

        def judge(transcript: Transcript, i: int, attempt: Attempt) -> Outcome:
            return self.judge(transcript, layouts[i], attempt)

        outcomes = read_in_attempts(decoder, tasks, self.usual, judge, outcomes)
        readings: list[Reading] = []
        for outcome, layout in zip(outcomes, layouts, strict=True):
            if isinstance(outcome, str):
                emit(PAGE_NOT_READ, reader=self._family.id)
                readings.append(unread(layout))
            else:
                readings.append(fit(outcome, layout))
        return readings

    def read_unguarded(
        self, decoder: Decoder, tasks: Sequence[Task], layouts: Sequence[Layout]
    ) -> list[Reading | None]:
        """Read pages without a guard, and align each with its layout; None if that failed."""
        readings: list[Reading | None] = []
        transcripts = decoder.transcribe(tasks) if tasks else []
        for transcript, layout in zip(transcripts, layouts, strict=True):
            outcome = self.judge(transcript, layout, self.unguarded)
            if isinstance(outcome, str):
                readings.append(None)
            else:
                readings.append(replace(fit(outcome, layout), method=UNGUARDED))
        return readings


def forbids(guard: Guard, ids: Sequence[int]) -> bool:
    """True if the guard forbids one of these tokens after those before it."""
    last_places: dict[tuple[int, ...], int] = {}
    for end in range(guard.ngram, len(ids) + 1):
        start = end - guard.ngram
        run = tuple(ids[start:end])
        earlier = last_places.get(run)
        # The guard looks at runs that begin in the window before the token that it judges.
        is_near = earlier is not None and earlier >= end - 1 - guard.window
        if is_near and run[-1] not in guard.allowed:
            return True
        last_places[run] = start
    return False


def token_limit(layout: Layout) -> int:
    """Tokens that a page's text takes at most."""
    n_cells = sum(row.cells for row in layout.rows)
    return int(n_cells / CELLS_PER_TOKEN) + len(layout.rows) + SPARE_TOKENS
