"""A ban on repeated runs of tokens while a model decodes.

A ban over the whole page would be wrong for agent transcripts, because logs, JSON and code repeat
themselves. So it looks back over a window only. Semantics are those of vLLM's processor for
DeepSeek-OCR: generated tokens count, the prompt does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor

from optical_memory.readers.language.decoder import Guard

__all__ = [
    "WindowedNGramBan",
    "banned_tokens",
]


def banned_tokens(ids: Sequence[int], guard: Guard) -> set[int]:
    """Tokens that would complete a run of `guard.ngram` for the second time within the window.

    `ids` are the tokens generated so far.
    """
    n = guard.ngram
    if len(ids) < n:
        return set()
    newest = list(ids[len(ids) - n + 1 :])
    first = max(0, len(ids) - guard.window)
    starts = range(first, len(ids) - n + 1)
    repeats = {ids[i + n - 1] for i in starts if list(ids[i : i + n - 1]) == newest}
    return repeats - set(guard.allowed)


class WindowedNGramBan(LogitsProcessor):
    """Bans the `banned_tokens` of each row of a batch, for `generate` from embeddings.

    `probabilities` has a list for each row: the probability of every token that greedy decoding
    took, among all tokens.
    """

    def __init__(self, guards: Sequence[Guard]) -> None:
        self.guards = guards
        self.probabilities: list[list[float]] = [[] for _ in guards]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Logits (rows, vocab) without the banned tokens; `input_ids` (rows, n) were generated."""
        total = scores.float().logsumexp(-1)
        for row, (ids, guard) in enumerate(zip(input_ids.tolist(), self.guards, strict=True)):
            tokens = banned_tokens(ids, guard)
            if tokens:
                scores[row, list(tokens)] = -torch.inf
        best = scores.float().max(-1).values
        for row, probability in enumerate((best - total).exp().tolist()):
            self.probabilities[row].append(probability)
        return scores
