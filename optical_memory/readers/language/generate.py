"""Greedy decoding of pages by a model in this process, in batches of `generate`."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import LogitsProcessorList, PreTrainedModel

from optical_memory.readers.language.decoder import Task, Transcript
from optical_memory.readers.language.loop_guard import WindowedNGramBan
from optical_memory.readers.language.tokenizer import spell

__all__ = [
    "PAGES_AT_ONCE",
    "batches",
    "generate_ids",
    "transcript_of",
]

PAGES_AT_ONCE = 8
"""Pages in one batch, if nothing is known of the memory."""


def batches(
    tasks: Sequence[Task], *, same_length: bool, max_pages: int = PAGES_AT_ONCE
) -> Iterator[list[int]]:
    """Indices of tasks to decode together, with like limits.

    With `same_length`, the tasks of a batch have the same prompt and as many visual tokens, so that
    none is padded.
    """

    def length(i: int) -> tuple[str, int]:
        return tasks[i].prompt, len(tasks[i].tokens)

    order = sorted(range(len(tasks)), key=lambda i: (*length(i), tasks[i].limit))
    for _, indices in itertools.groupby(order, key=length if same_length else lambda i: None):
        group = list(indices)
        for start in range(0, len(group), max_pages):
            yield group[start : start + max_pages]


def generate_ids(
    model: PreTrainedModel, inputs: Sequence[Tensor], tasks: Sequence[Task]
) -> list[tuple[list[int], list[float]]]:
    """Greedy token ids for each task, and the probability of each.

    `inputs` are the embeddings of each task, (n, dim); short rows are padded on the left.
    """
    longest = max(len(row) for row in inputs)
    paddings = [longest - len(row) for row in inputs]
    rows = [
        torch.cat([row.new_zeros(padding, row.shape[1]), row])
        for row, padding in zip(inputs, paddings, strict=True)
    ]
    mask = [[0] * padding + [1] * (longest - padding) for padding in paddings]
    ban = WindowedNGramBan([task.guard for task in tasks])
    any_model: Any = model
    ids: Tensor = any_model.generate(
        inputs_embeds=torch.stack(rows),
        attention_mask=torch.tensor(mask, device=rows[0].device),
        do_sample=False,
        max_new_tokens=max(task.limit for task in tasks),
        logits_processor=LogitsProcessorList([ban]),
    )
    return list(zip(ids.tolist(), ban.probabilities, strict=True))


def transcript_of(
    ids: Sequence[int],
    probabilities: Sequence[float],
    *,
    limit: int,
    end_ids: Collection[int],
    tokenizer: Tokenizer,
) -> Transcript:
    """The text of generated ids up to the end token, or up to `limit` if that comes first."""
    n = next((i for i, id in enumerate(ids) if id in end_ids), len(ids))
    n_text = min(n, limit)
    text, confidence = spell(tokenizer, ids[:n_text], np.array(probabilities[:n_text], np.float32))
    return Transcript(text, confidence, n < len(ids) and n <= limit)
