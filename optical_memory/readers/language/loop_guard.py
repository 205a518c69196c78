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

    The newest id alone rules out nearly every place.
    """
    newest = ids[len(ids) - n :]
    for end in range(first + n, len(ids)):
        if not n or (ids[end - 1] == newest[-1] and ids[end - n : end] == newest):
            yield end


class WindowedNGramBan(LogitsProcessor):
    """Bans the `banned_tokens` of each row of a batch, for `generate` from embeddings.

    Everything stays on the device of the logits: a GPU would have to wait for each look at a token.
    """

    def __init__(self, guards: Sequence[Guard]) -> None:
        self.guards = guards
        self._steps: list[Tensor] = []

    @property
    def probabilities(self) -> list[list[float]]:
        """A list for each row: the probability of every token that greedy decoding took, among all
        tokens.
        """
        if not self._steps:
            return [[] for _ in self.guards]
        rows: list[list[float]] = torch.stack(self._steps, dim=1).tolist()
        return rows

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Logits (rows, vocab) without the banned tokens; `input_ids` (rows, n) were generated."""
        total = scores.float().logsumexp(-1)
        for guard in set(self.guards):
            rows = [row for row, other in enumerate(self.guards) if other == guard]
            if len(rows) == len(self.guards):
                scores = _without_repeats(input_ids, scores, guard)
            else:
                scores[rows] = _without_repeats(input_ids[rows], scores[rows], guard)
        best = scores.float().max(-1).values
        self._steps.append((best - total).exp())
        return scores


def _without_repeats(ids: Tensor, scores: Tensor, guard: Guard) -> Tensor:
    """Logits (rows, vocab) without the `banned_tokens` after `ids` (rows, n)."""
    n_ids = ids.shape[1]
    window = ids[:, max(0, n_ids - guard.window) :]
    if window.shape[1] < guard.ngram:
        return scores
    runs = window.unfold(1, guard.ngram, 1)  # (rows, runs, ngram)
    newest = ids[:, n_ids - guard.ngram + 1 :]
    is_repeat = (runs[..., :-1] == newest[:, None]).all(-1)
    tokens = runs[..., -1]
    for token in guard.allowed:
        is_repeat = is_repeat & (tokens != token)
    n_vocab = scores.shape[1]
    is_banned = scores.new_zeros(len(ids), n_vocab + 1, dtype=torch.bool)
    is_banned.scatter_(1, tokens.where(is_repeat, n_vocab), value=True)
    return scores.masked_fill(is_banned[:, :n_vocab], -torch.inf)
