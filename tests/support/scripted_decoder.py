"""Decoders that write what a test wants: stock checkpoints in which each token follows from the one
before it alone.

All layers add nothing to the residual stream (their last projections are zero), so that the final
state is the last token's embedding; the head's row of the wanted next token is that embedding. Real
classes, real files, no vision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from optical_memory.readers.deepseek.families import Family
from optical_memory.readers.language.decoder import Task, Transcript
from optical_memory.readers.language.tokenizer import EOS, ocr_tokenizer
from support.small_checkpoints import write_checkpoint

START = 16  # the last token of "Free OCR."
CERTAIN = 4.0  # logits between the wanted token and the next best, times the width of a state


def write_scripted(
    folder: Path, family: Family, follow: Mapping[int, tuple[int, ...]], dim: int = 64
) -> None:
    """A checkpoint that says, after each id, the first of the ids given for it, or the next where
    that is banned.
    """
    write_checkpoint(folder, family)
    weights = load_file(folder / "model.safetensors")
    for name, value in weights.items():
        if (
            name.endswith(("o_proj.weight", "down_proj.weight"))
            and ".layers." in name
            and "vision" not in name
        ):
            weights[name] = torch.zeros_like(value)
    embeddings = torch.nn.functional.normalize(weights["model.embed_tokens.weight"], dim=1)
    weights["model.embed_tokens.weight"] = embeddings
    weights["model.norm.weight"] = torch.ones(dim)
    head = torch.zeros_like(weights["lm_head.weight"])
    for before, after in follow.items():
        for rank, id in enumerate(after):
            head[id] += CERTAIN * embeddings[before] / (rank + 1)
    weights["lm_head.weight"] = head
    save_file(weights, folder / "model.safetensors")


def chain(text: str) -> dict[int, tuple[int, ...]]:
    """Ids of a text in which no token comes twice, each followed by the next, the last by the end.

    Raises `ValueError` for a text with a token that comes twice.
    """
    ids = ocr_tokenizer().encode(text, add_special_tokens=False).ids
    if len(set(ids)) != len(ids):
        raise ValueError(f"a token comes twice in {text!r}")
    return {before: (after,) for before, after in zip([START, *ids], [*ids, EOS], strict=True)}


class Scribe:
    """A decoder that says `text` of every page, whatever stands on it, and keeps what it was
    `asked`.
    """

    def __init__(self, text: str = "", *, ended: bool = True) -> None:
        self.text, self.ended = text, ended
        self.asked: list[Task] = []

    def transcribe(self, tasks: Sequence[Task]) -> list[Transcript]:
        self.asked += tasks
        return [
            Transcript(self.text, np.full(len(self.text), 0.99, np.float32), self.ended)
            for _ in tasks
        ]
