"""Reading that does not loop: a ban on repeated runs while decoding, and checks of what came out.

A ban over the whole page would be wrong for agent transcripts (logs, JSON and code repeat
themselves), so it looks back over a window only. Semantics as in vLLM's processor for DeepSeek-OCR:
generated tokens count, the prompt does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor

from optical_memory.readers.language.decoder import Guard, Transcript

__all__ = ["GuardedWitness", "banned", "failure"]

LEAST_SHARE, MOST_SHARE = 0.5, 1.6
"""Shares of the page's characters below and above which a reading has failed. Measured readings of
legible pages are within a few percent; a decoder that stopped early or looped is far outside.
"""

SPARE_CHARS = 40


def banned(ids: Sequence[int], guard: Guard) -> set[int]:
    """Tokens that would complete a run of `guard.ngram` which the last `guard.window` generated
    tokens have already.
    """
    n = guard.ngram
    if len(ids) < n:
        return set()
    before = list(ids[len(ids) - n + 1 :])
    first = max(0, len(ids) - guard.window)
    runs = range(first, len(ids) - n + 1)
    return {ids[i + n - 1] for i in runs if list(ids[i : i + n - 1]) == before} - set(guard.allowed)


class GuardedWitness(LogitsProcessor):
    """Bans what `banned` says for each row, and keeps the probability of the token that greedy
    decoding then takes.

    For `generate` from embeddings, where the ids are those generated so far. `p` has one list a
    row.
    """

    def __init__(self, guards: Sequence[Guard]) -> None:
        self.guards = guards
        self.p: list[list[float]] = [[] for _ in guards]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        normal = scores.float().logsumexp(-1)
        for row, (ids, guard) in enumerate(zip(input_ids.tolist(), self.guards, strict=True)):
            if out := banned(ids, guard):
                scores[row, list(out)] = -torch.inf
        best = scores.float().max(-1).values
        for row, p in enumerate((best - normal).exp().tolist()):
            self.p[row].append(p)
        return scores


def failure(transcript: Transcript, chars: int) -> str | None:
    """Why this is no reading of a page of `chars` characters, None if it may be one."""
    if not transcript.ended:
        return f"it did not end within its limit ({len(transcript.text)} characters of {chars})"
    if len(transcript.text) < LEAST_SHARE * chars - SPARE_CHARS:
        return f"it stopped early, after {len(transcript.text)} characters of {chars}"
    if len(transcript.text) > MOST_SHARE * chars + SPARE_CHARS:
        return f"it is too long, {len(transcript.text)} characters of {chars}"
    return None
