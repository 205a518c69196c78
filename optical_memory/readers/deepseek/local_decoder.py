"""A published decoder in this process: greedy text for pages of visual tokens, in batches.

The vision tower never runs. If the page's text is at hand, as it is when a page is certified, the
decoder checks it as a draft, which takes a few passes in place of one for each token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedModel

from optical_memory.readers.checkpoints.devices import Device
from optical_memory.readers.checkpoints.memory_check import free_bytes, require_memory
from optical_memory.readers.deepseek.drafted_decoding import greedy_by_draft
from optical_memory.readers.deepseek.halves import half_parameters
from optical_memory.readers.deepseek.open_folder import DeepseekCheckpoint
from optical_memory.readers.deepseek.weights import load_half
from optical_memory.readers.language.decoder import Task, Transcript
from optical_memory.readers.language.generate import (
    PAGES_AT_ONCE,
    batches,
    generate_ids,
    transcript_of,
)
from optical_memory.readers.language.tokenizer import BOS, EOS
from optical_memory.readers.locked_property import locked_cached_property

__all__ = ["LocalDecoder"]

MAX_PAGES_AT_ONCE = 64  # on a GPU


class LocalDecoder:
    """The decoder half of a checkpoint; its weights load at the first page."""

    def __init__(
        self, checkpoint: DeepseekCheckpoint, tokenizer: Tokenizer, device: Device
    ) -> None:
        self.checkpoint = checkpoint
        self.tokenizer = tokenizer
        self.device = device

    @locked_cached_property
    def model(self) -> PreTrainedModel:
        """The stock class with the decoder's weights.

        Raises `NotEnoughMemory` if they do not fit, `CheckpointError` if their keys do not.
        """
        n_parameters = half_parameters(self.checkpoint, "decoder")
        require_memory(self.checkpoint.family.id, "decoder", n_parameters, self.device)
        return load_half(self.checkpoint, "decoder", self.device.dtype, self.device.name)

    @property
    def has_window(self) -> bool:
        """Whether a sliding window keeps the decoder from seeing all tokens before."""
        return self.checkpoint.family.sliding_window is not None

    @torch.inference_mode()
    def transcribe(self, tasks: Sequence[Task]) -> list[Transcript]:
        """The transcripts of the tasks; other pages of a batch change them by rounding only.

        With a sliding window, pages of a batch have the same length: behind padding, the stock
        class would give another text.
        """
        transcripts: dict[int, Transcript] = {}
        max_pages = self._pages_at_once(tasks)
        for group in batches(tasks, same_length=self.has_window, max_pages=max_pages):
            batch = [tasks[i] for i in group]
            inputs = [self.embeds(task)[0] for task in batch]
            rows = generate_ids(self.model, inputs, batch)
            for i, (ids, probabilities) in zip(group, rows, strict=True):
                transcripts[i] = self._transcript(ids, probabilities, tasks[i].limit)
        return [transcripts[i] for i in range(len(tasks))]

    @torch.inference_mode()
    def transcribe_drafted(self, task: Task, draft: str) -> Transcript:
        """The text that `transcribe` gives, faster the more of `draft` the decoder agrees with.

        A sliding window forgets tokens that a wrong draft would need again, so a decoder with a
        window reads without the draft.
        """
        if self.has_window:
            return self.transcribe([task])[0]
        draft_ids = self.tokenizer.encode(draft, add_special_tokens=False).ids
        ids, probabilities = greedy_by_draft(
            self.model, self.embeds(task), [*draft_ids, EOS], task.guard, task.limit
        )
        return self._transcript(ids, probabilities, task.limit)

    def embeds(self, task: Task) -> Tensor:
        """(1, 1 + n + prompt, dim): beginning of sequence, the visual tokens, the prompt."""
        prompt = self.tokenizer.encode(task.prompt, add_special_tokens=False).ids
        table: Any = self.model.get_input_embeddings()
        words = table(torch.tensor([BOS, *prompt], device=self.device.name))
        tokens = torch.from_numpy(task.tokens).to(words.device, words.dtype)
        return torch.cat([words[:1], tokens, words[1:]])[None]

    def _pages_at_once(self, tasks: Sequence[Task]) -> int:
        """As many pages as have room in half of a GPU's free memory, from 8 to 64.

        A step takes a GPU almost as long for few pages as for many.
        """
        if not tasks or not self.device.name.startswith("cuda"):
            return PAGES_AT_ONCE
        any_config: Any = self.checkpoint.config
        text = any_config.text_config
        token_bytes = 2 * text.num_hidden_layers * text.hidden_size * self.device.dtype.itemsize
        n_tokens = max(len(task.tokens) + task.limit for task in tasks)
        n_pages = free_bytes(self.device.name) // 2 // int(n_tokens * token_bytes)
        return min(max(n_pages, PAGES_AT_ONCE), MAX_PAGES_AT_ONCE)

    def _transcript(
        self, ids: Sequence[int], probabilities: Sequence[float], limit: int
    ) -> Transcript:
        return transcript_of(
            ids, probabilities, limit=limit, end_ids=[EOS], tokenizer=self.tokenizer
        )
