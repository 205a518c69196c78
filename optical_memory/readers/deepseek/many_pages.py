"""Several pages in one prompt, as Unlimited-OCR was trained to read them.

Imports no torch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from optical_memory.errors import ReadingFailed
from optical_memory.readers.language.decoder import Decoder, Task, Transcript
from optical_memory.telemetry.event_table import PAGES_READ_SINGLY
from optical_memory.telemetry.events import emit

__all__ = [
    "PAGE",
    "split_pages",
    "transcribe_together",
]

PAGE = "<PAGE>"
"""Unlimited-OCR writes this before each page of several in one prompt."""

PROMPT_TOKENS = 64  # for the prompt and the marks between pages


def transcribe_together(
    decoder: Decoder, tasks: Sequence[Task], max_pages: int, context_length: int
) -> list[Transcript | None]:
    """A transcript for each page, read up to `max_pages` in a prompt.

    A prompt and its answer take at most `context_length` tokens. None stands for a page without
    room beside others, and for every page of a prompt if another number of pages came back.
    """
    transcripts: list[Transcript | None] = [None] * len(tasks)
    for group in _groups(tasks, max_pages, context_length - PROMPT_TOKENS):
        group_task = Task(
            tokens=np.concatenate([tasks[i].tokens for i in group]),
            prompt=tasks[0].prompt,
            limit=sum(tasks[i].limit for i in group),
            guard=tasks[0].guard,
        )
        (transcript,) = decoder.transcribe([group_task])
        try:
            parts = split_pages(transcript, len(group))
        except ReadingFailed as error:
            emit(PAGES_READ_SINGLY, error=error)
            continue
        transcripts[group[0] : group[-1] + 1] = parts
    return transcripts


def _groups(tasks: Sequence[Task], max_pages: int, max_tokens: int) -> list[list[int]]:
    """Groups of two or more pages in a row whose tokens and answers fit one prompt."""
    groups: list[list[int]] = [[]]
    n_left = max_tokens
    for i, task in enumerate(tasks):
        n_tokens = len(task.tokens) + task.limit
        if len(groups[-1]) == max_pages or n_tokens > n_left:
            groups.append([])
            n_left = max_tokens
        groups[-1].append(i)
        n_left -= n_tokens
    return [group for group in groups if len(group) > 1]


def split_pages(transcript: Transcript, n_pages: int) -> list[Transcript]:
    """A transcript for each page, cut at `<PAGE>`.

    Raises `ReadingFailed` if there is another number of pages.
    """
    starts = [match.end() for match in re.finditer(re.escape(PAGE), transcript.text)]
    if len(starts) == n_pages - 1 and transcript.text.split(PAGE)[0].strip():
        starts = [0, *starts]  # some answers leave the first mark out
    if len(starts) != n_pages:
        raise ReadingFailed(
            f"{n_pages} pages were asked for in one prompt, {len(starts)} came back"
        )
    pages: list[Transcript] = []
    for start, next_start in pairwise(starts):
        part = slice(start, next_start - len(PAGE))
        pages.append(Transcript(transcript.text[part], transcript.confidence[part], True))
    part = slice(starts[-1], None)
    pages.append(Transcript(transcript.text[part], transcript.confidence[part], transcript.ended))
    return pages
