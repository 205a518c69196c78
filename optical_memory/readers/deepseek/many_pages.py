"""Several pages in one prompt, as Unlimited-OCR was trained to read them: who goes with whom, and
the parted text.

Imports no torch.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np

from optical_memory.errors import ReadingFailed
from optical_memory.readers.deepseek.grounding import split_pages
from optical_memory.readers.language.decoder import Decoder, Task, Transcript

__all__ = ["transcribe_together"]

log = logging.getLogger("optical_memory")

SPARE_TOKENS = 64  # for the prompt and the marks between pages


def transcribe_together(
    decoder: Decoder, tasks: Sequence[Task], pages: int, most_tokens: int
) -> list[Transcript | None]:
    """What is read of each page, up to `pages` of them in a prompt of at most `most_tokens` with
    its answer.

    None for pages that have no room beside others, and for all of a prompt that came back as
    another number of pages.
    """
    found: list[Transcript | None] = [None] * len(tasks)
    for group in _companies(tasks, pages, most_tokens - SPARE_TOKENS):
        every = np.concatenate([tasks[i].tokens for i in group])
        limit = sum(tasks[i].limit for i in group)
        (whole,) = decoder.transcribe([Task(every, tasks[0].prompt, limit, tasks[0].guard)])
        try:
            found[group[0] : group[-1] + 1] = split_pages(whole, len(group))
        except ReadingFailed as error:
            log.info("%s; each page is read by itself", error)
    return found


def _companies(tasks: Sequence[Task], pages: int, most: int) -> Iterator[list[int]]:
    """Neighbours, two or more, that there is room for with what they may say."""
    group: list[int] = []
    room = most
    for i, task in enumerate(tasks):
        need = len(task.tokens) + task.limit
        if group and (len(group) == pages or need > room):
            yield from [group] if len(group) > 1 else []
            group, room = [], most
        room -= need
        group.append(i)
    yield from [group] if len(group) > 1 else []
