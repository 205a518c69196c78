"""Reading pages in several attempts, until each is read or has failed every time.

A decoder may loop or stop early. Such a reading is refused, and the next attempt has a stricter
guard or another prompt. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from optical_memory.readers.language.decoder import Decoder, Guard, Task, Transcript

__all__ = [
    "NOT_READ",
    "Attempt",
    "Outcome",
    "failure",
    "read_in_attempts",
]

Outcome = Transcript | str
"""A transcript, or the reason why there is none."""

NOT_READ = "it was not read"

MIN_SHARE = 0.5
MAX_SHARE = 1.6
"""A reading with a smaller or larger share of the page's characters has failed. Measured readings
of legible pages are within a few percent; a decoder that stopped early or looped is far outside.
"""

SPARE_CHARS = 40  # a page of a few words may be off by more than the shares say


@dataclass(frozen=True, slots=True)
class Attempt:
    """How pages are read this time: the prompt, and the guard against loops."""

    prompt: str
    guard: Guard


def failure(transcript: Transcript, n_chars: int) -> str | None:
    """The reason why this is no reading of a page of `n_chars` characters; None if it may be."""
    n_read = len(transcript.text)
    if not transcript.ended:
        return f"it did not end within its limit ({n_read} characters of {n_chars})"
    if n_read < MIN_SHARE * n_chars - SPARE_CHARS:
        return f"it stopped early, after {n_read} characters of {n_chars}"
    if n_read > MAX_SHARE * n_chars + SPARE_CHARS:
        return f"it is too long, {n_read} characters of {n_chars}"
    return None


def read_in_attempts(
    decoder: Decoder,
    tasks: Sequence[Task],
    attempts: Iterable[Attempt],
    judge: Callable[[Transcript, int, Attempt], Outcome],
    earlier_outcomes: Sequence[Outcome] = (),
) -> list[Outcome]:
    """Read the page of every task; a page that failed is read again in the next attempt.

    The attempt sets prompt and guard of each task. `judge` is given a transcript, the index of its
    page and the attempt. `earlier_outcomes`, if any, are in the same order.
    """
    outcomes: list[Outcome] = [NOT_READ for _ in tasks]
    if earlier_outcomes:
        outcomes = list(earlier_outcomes)
    for attempt in attempts:
        failures = [i for i, outcome in enumerate(outcomes) if isinstance(outcome, str)]
        if not failures:
            break
        batch = [replace(tasks[i], prompt=attempt.prompt, guard=attempt.guard) for i in failures]
        for i, transcript in zip(failures, decoder.transcribe(batch), strict=True):
            outcomes[i] = judge(transcript, i, attempt)
    return outcomes
