"""A ban on repeated runs of tokens while a model decodes.

A ban over the whole page would be wrong for agent transcripts, because logs, JSON and code repeat
themselves. So it looks back over a window only. Semantics are those of vLLM's processor for
DeepSeek-OCR: generated tokens count, the prompt does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    first = max(0, len(ids) - guard.window)
    repeats = {ids[end] for end in _ends_of_repeats(ids, n - 1, first)}
    return repeats - set(guard.allowed)


def _ends_of_repeats(ids: Sequence[int], n: int, first: int) -> Iterator[int]:
    """The places, from `first` on, behind each run that equals the newest `n` ids.

    The newest id alone rules out nearly every place, which matters for many rows on a GPU.
    """
    newest = ids[len(ids) - n :]
    for end in range(first + n, len(ids)):
        if not n or (ids[end - 1] == newest[-1] and ids[end - n : end] == newest):
            yield end


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
