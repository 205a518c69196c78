"""Greedy decoding with a draft: speculative decoding with the page's text as the draft.

The decoder checks many drafted tokens in one pass, and goes step by step only if it disagrees. The
outcome is the greedy text in any case. A page that is read well costs a few passes in place of one
for each token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from optical_memory.readers.checkpoints.key_value_cache import cache_argument
from optical_memory.readers.language.decoder import Guard
from optical_memory.readers.language.loop_guard import banned_tokens
from optical_memory.readers.language.tokenizer import EOS

__all__ = ["greedy_by_draft"]

MIN_GUESS = 16  # drafted tokens checked in one pass: few after a disagreement, then ever more
MAX_GUESS = 256
GROWTH = 4
N_AHEAD = 6  # drafted tokens ahead among which the newest token is looked for
N_REJOIN = 3  # tokens in a row by which the place in the draft is found again


def greedy_by_draft(
    model: PreTrainedModel, embeds: Tensor, draft: Sequence[int], guard: Guard, limit: int
) -> tuple[list[int], list[float]]:
    """Greedy token ids, and the probability of each, up to `limit` or to the end token, included.

    `embeds` (1, n, dim) is the prompt. `draft` is the expected text, with EOS at its end; any draft
    gives the same ids.
    """
    cache = DynamicCache(config=model.config.get_text_config())
    text = _GreedyText(guard)
    guesses = _Guesses(draft)
    logits = _decode_embeds(model, embeds, cache)
    while len(text.ids) < limit:
        text.append(logits[-1])
        if text.ids[-1] == EOS:
            break
        guess = guesses.after(text.ids, limit - len(text.ids))
        logits = _decode_ids(model, [text.ids[-1], *guess], cache)
        n_agreed = text.append_while_agreeing(logits, guess)
        if n_agreed < len(guess):
            cache.crop(n_agreed - len(guess))
        guesses.settle(n_agreed, len(guess))
        logits = logits[: n_agreed + 1]
    return text.ids, text.probabilities


class _GreedyText:
    """The tokens so far, with their probabilities."""

    def __init__(self, guard: Guard) -> None:
        self.ids: list[int] = []
        self.probabilities: list[float] = []
        self._guard = guard

    def append(self, logits: Tensor) -> None:
        """Append the best token by these logits, (vocab,)."""
        id, probability = self._best(logits)
        self.ids.append(id)
        self.probabilities.append(probability)

    def append_while_agreeing(self, logits: Tensor, guess: Sequence[int]) -> int:
        """Append drafted tokens as long as each is the best, except for the end token.

        `logits` are (1 + len(guess), vocab), those before each drafted token and after the last.
        Returns the number of tokens appended.
        """
        for n_agreed, draft_id in enumerate(guess):
            id, probability = self._best(logits[n_agreed])
            if id != draft_id or id == EOS:
                return n_agreed
            self.ids.append(id)
            self.probabilities.append(probability)
        return len(guess)

    def _best(self, logits: Tensor) -> tuple[int, float]:
        """The best token that is not banned, and its probability among all tokens."""
        scores = logits.float()
        total = scores.logsumexp(0)
        tokens = banned_tokens(self.ids, self._guard)
        if tokens:
            index = torch.tensor(list(tokens), device=scores.device)
            scores = scores.index_fill(0, index, -torch.inf)
        best, id = scores.max(0)
        return int(id), float((best - total).exp())


class _Guesses:
    """Which part of the draft to check next."""

    def __init__(self, draft: Sequence[int]) -> None:
        self._draft = list(draft)
        self._place = 0
        self._size = MIN_GUESS

    def after(self, ids: Sequence[int], limit: int) -> list[int]:
        """At most `limit` drafted tokens that may follow the newest id; none if it is not there."""
        place = self._find(ids)
        if place is None:
            return []
        self._place = place
        return self._draft[place : place + min(self._size, limit)]

    def settle(self, n_agreed: int, n_guessed: int) -> None:
        """Go on behind the tokens that the decoder agreed with."""
        self._place += n_agreed
        agreed_to_all = n_guessed > 0 and n_agreed == n_guessed
        self._size = min(GROWTH * self._size, MAX_GUESS) if agreed_to_all else MIN_GUESS

    def _find(self, ids: Sequence[int]) -> int | None:
        """The place in the draft behind the newest id.

        It is looked for among the next few tokens, since a line break or a word with a blank before
        it may stand for another token; else behind the place where the last ids stand in a row.
        """
        near = self._draft[self._place : self._place + N_AHEAD]
        if ids[-1] in near:
            return self._place + near.index(ids[-1]) + 1
        run = list(ids[-N_REJOIN:])
        starts = range(len(self._draft) - N_REJOIN + 1)
        places = [i for i in starts if self._draft[i : i + N_REJOIN] == run]
        later = [i for i in places if i >= self._place]
        if not places:
            return None
        return (later or places)[0] + N_REJOIN


def _decode_embeds(model: Any, embeds: Tensor, cache: DynamicCache) -> Tensor:
    """(1, vocab): the logits after the last of the embeddings, (1, n, dim)."""
    logits: Tensor = model(
        inputs_embeds=embeds, use_cache=True, logits_to_keep=1, **cache_argument(model, cache)
    ).logits[0]
    return logits


def _decode_ids(model: Any, ids: Sequence[int], cache: DynamicCache) -> Tensor:
    """(len(ids), vocab): the logits after each of the token ids."""
    batch = torch.tensor([list(ids)], device=model.device)
    logits: Tensor = model(input_ids=batch, use_cache=True, **cache_argument(model, cache)).logits[
        0
    ]
    return logits
