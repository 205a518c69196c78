"""A published decoder in this process: greedy text for pages of visual tokens, in batches; the
vision tower never runs.

Where the page's text is at hand (at certification) it is used as a draft: the decoder checks many
drafted tokens in one pass and only goes step by step where it disagrees, so that the outcome is the
greedy one and a page that is read well costs a few passes in place of one for each token
(speculative decoding with the truth as the draft).
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import DynamicCache, LogitsProcessorList, PreTrainedModel

from optical_memory.readers.checkpoints.devices import Place, require_room
from optical_memory.readers.deepseek.config import Published
from optical_memory.readers.deepseek.weights import load_half
from optical_memory.readers.language.decoder import Guard, Task, Transcript
from optical_memory.readers.language.loop_guard import GuardedWitness, banned
from optical_memory.readers.language.tokenizer import BOS, EOS, spell

__all__ = ["LocalDecoder", "greedy_by_draft"]

AT_ONCE = 8  # pages in one batch
FIRST_GUESS, MOST_GUESSED = (
    16,
    256,
)  # drafted tokens checked in one pass: few after a disagreement, then ever more
LOOK = 6  # drafted tokens ahead among which the next one is looked for
REJOIN = 3  # tokens in a row by which the place is found again elsewhere


class LocalDecoder:
    """The decoder half of a checkpoint; its weights load at the first page."""

    def __init__(self, found: Published, tokenizer: Tokenizer, at: Place) -> None:
        self.found, self.tokenizer, self.at = found, tokenizer, at
        self._lock = threading.Lock()

    @cached_property
    def model(self) -> PreTrainedModel:
        with self._lock:
            if "model" not in self.__dict__:
                require_room(self.found, "decoder", self.at)
                self.__dict__["model"] = load_half(
                    self.found, "decoder", self.at.dtype, self.at.device
                )
            return self.__dict__["model"]  # type: ignore[no-any-return]  # kept while the lock is held

    @torch.inference_mode()
    def transcribe(self, tasks: Sequence[Task]) -> list[Transcript]:
        """Pages of like length together; what a batch holds changes a reading by rounding only."""
        done: dict[int, Transcript] = {}
        for group in _groups(tasks, alike=self.found.family.sliding_window is not None):
            found = self._batch([tasks[i] for i in group])
            done |= dict(zip(group, found, strict=True))
        return [done[i] for i in range(len(tasks))]

    @torch.inference_mode()
    def transcribe_drafted(self, task: Task, draft: str) -> Transcript:
        """The same text as `transcribe` gives, faster the more of `draft` the decoder agrees with.

        A sliding window forgets what would have to be taken back: such a decoder reads without the
        draft.
        """
        if self.found.family.sliding_window is not None:
            return self.transcribe([task])[0]
        ids = self.tokenizer.encode(draft, add_special_tokens=False).ids
        found, p, ended = greedy_by_draft(
            self.model, self.embeds(task), [*ids, EOS], task.guard, task.limit
        )
        text, sure = spell(self.tokenizer, found, p)
        return Transcript(text, sure, ended)

    def embeds(self, task: Task) -> Tensor:
        """(1, 1 + n + prompt, dim): beginning of sequence, the visual tokens, the prompt."""
        prompt = self.tokenizer.encode(task.prompt, add_special_tokens=False).ids
        table: Any = self.model.get_input_embeddings()
        words = table(torch.tensor([BOS, *prompt], device=self.at.device))
        tokens = torch.from_numpy(task.tokens).to(words.device, words.dtype)
        return torch.cat([words[:1], tokens, words[1:]])[None]

    def _batch(self, tasks: Sequence[Task]) -> list[Transcript]:
        rows = [self.embeds(task)[0] for task in tasks]
        longest = max(len(row) for row in rows)
        embeds = torch.stack(
            [torch.cat([row.new_zeros(longest - len(row), row.shape[1]), row]) for row in rows]
        )
        mask = torch.tensor(
            [[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=self.at.device
        )
        witness = GuardedWitness([task.guard for task in tasks])
        model: Any = self.model
        out: Tensor = model.generate(
            inputs_embeds=embeds,
            attention_mask=mask,
            do_sample=False,
            max_new_tokens=max(task.limit for task in tasks),
            logits_processor=LogitsProcessorList([witness]),
        )
        return [
            self._told(ids, p, task)
            for ids, p, task in zip(out.tolist(), witness.p, tasks, strict=True)
        ]

    def _told(self, ids: list[int], p: list[float], task: Task) -> Transcript:
        stop = ids.index(EOS) if EOS in ids else len(ids)
        kept = ids[: min(stop, task.limit)]
        text, sure = spell(self.tokenizer, kept, np.array(p[: len(kept)], np.float32))
        return Transcript(text, sure, EOS in ids and stop <= task.limit)


def _groups(tasks: Sequence[Task], *, alike: bool) -> Iterator[list[int]]:
    """Batches of like limits; where `alike`, of exactly the same prompt length too: behind padding,
    the stock class's sliding window gives other text.
    """
    order = sorted(
        range(len(tasks)), key=lambda i: (tasks[i].prompt, len(tasks[i].tokens), tasks[i].limit)
    )
    for _, same in itertools.groupby(
        order, key=lambda i: (tasks[i].prompt, len(tasks[i].tokens)) if alike else None
    ):
        group = list(same)
        for start in range(0, len(group), AT_ONCE):
            yield group[start : start + AT_ONCE]


# ---- with a draft --------------------------------------------------------------------------------


def greedy_by_draft(
    model: PreTrainedModel, embeds: Tensor, draft: Sequence[int], guard: Guard, limit: int
) -> tuple[list[int], npt.NDArray[np.float32], bool]:
    """Greedy ids, their probabilities, and whether the model ended by itself; `embeds` (1, n, d) is
    the prompt.

    `draft` is what is expected, to be ended with EOS; any draft gives the same ids.
    """
    cache = DynamicCache(config=model.config.get_text_config())
    logits = _step(model, embeds, cache)
    ids: list[int] = []
    p: list[float] = []
    at, size = 0, FIRST_GUESS
    while len(ids) < limit:
        taken, sure = _greedy(logits, ids, guard)
        if taken == EOS:
            return ids, np.array(p, np.float32), True
        ids.append(taken)
        p.append(sure)
        at, found = _resume(ids, draft, at)
        guess = draft[at : at + min(size, limit - len(ids))] if found else []
        many = _step(model, [ids[-1], *guess], cache)
        agreed = 0
        for expected in guess:
            taken, sure = _greedy(many[agreed], ids, guard)
            if taken != expected or taken == EOS:
                break
            ids.append(taken)
            p.append(sure)
            agreed += 1
        if agreed < len(guess):
            cache.crop(agreed - len(guess))
        size = min(4 * size, MOST_GUESSED) if guess and agreed == len(guess) else FIRST_GUESS
        at += agreed
        logits = many[agreed : agreed + 1]
    return ids, np.array(p, np.float32), False


def _step(model: Any, inputs: Tensor | Sequence[int], cache: DynamicCache) -> Tensor:
    """(new, vocab): logits after each of the new tokens; after embeddings, of the last only."""
    if isinstance(inputs, Tensor):
        last: Tensor = model(
            inputs_embeds=inputs, past_key_values=cache, use_cache=True, logits_to_keep=1
        ).logits[0]
        return last
    ids = torch.tensor([list(inputs)], device=model.device)
    every: Tensor = model(input_ids=ids, past_key_values=cache, use_cache=True).logits[0]
    return every


def _greedy(logits: Tensor, ids: Sequence[int], guard: Guard) -> tuple[int, float]:
    """The best token that is not banned, and its probability among all."""
    scores = logits.reshape(-1).float()
    normal = scores.logsumexp(0)
    if out := banned(ids, guard):
        scores = scores.index_fill(0, torch.tensor(list(out), device=scores.device), -torch.inf)
    best, taken = scores.max(0)
    return int(taken), float((best - normal).exp())


def _resume(ids: Sequence[int], draft: Sequence[int], at: int) -> tuple[int, bool]:
    """Where in the draft to go on after the newest id, and whether the draft has it: within the
    next few tokens (a line break, or a word with a blank before it, may stand for others), else
    where the last `REJOIN` ids stand.
    """
    near = list(draft[at : at + LOOK])
    if ids[-1] in near:
        return at + near.index(ids[-1]) + 1, True
    run = list(ids[-REJOIN:])
    places = [i for i in range(len(draft) - REJOIN + 1) if list(draft[i : i + REJOIN]) == run]
    places = [i for i in places if i >= at] or places
    return (places[0] + REJOIN, True) if places else (at, False)
