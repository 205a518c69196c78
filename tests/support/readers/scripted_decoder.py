"""Decoders that write a text of the test's choice.

Stock checkpoints in which each token follows from the token before it alone. All layers add nothing
to the residual stream (their last projections are zero), so the final state is the last token's
embedding, and the head's row of the next token is that embedding. Real classes, real files, no
vision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from optical_memory.pages import Page
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.language.decoder import Task, Transcript
from optical_memory.readers.language.family import Family
from optical_memory.readers.language.tokenizer import EOS, ocr_tokenizer
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.renderers.sans_grid import sans_grid
from optical_memory.tokens import VisualTokens
from optical_memory.turns import Turn
from support.readers.small_checkpoints import write_checkpoint

START = 16  # the last token of "Free OCR."
CERTAIN = 4.0  # logits between the next token and its runner-up, times the width of a state


def write_scripted(
    folder: Path, family: Family, followers: Mapping[int, tuple[int, ...]], dim: int = 64
) -> None:
    """Write a checkpoint that says, after each id, the first follower that is not banned."""
    write_checkpoint(folder, family)
    weights = load_file(folder / "model.safetensors")
    for name, value in weights.items():
        if _adds_to_stream(name):
            weights[name] = torch.zeros_like(value)
    embeddings = torch.nn.functional.normalize(weights["model.embed_tokens.weight"], dim=1)
    weights["model.embed_tokens.weight"] = embeddings
    weights["model.norm.weight"] = torch.ones(dim)
    head = torch.zeros_like(weights["lm_head.weight"])
    for id, next_ids in followers.items():
        for rank, next_id in enumerate(next_ids):
            head[next_id] += CERTAIN * embeddings[id] / (rank + 1)
    weights["lm_head.weight"] = head
    save_file(weights, folder / "model.safetensors")


def _adds_to_stream(name: str) -> bool:
    """Whether this is the last projection of an attention or an MLP of the decoder."""
    is_last = name.endswith(("o_proj.weight", "down_proj.weight"))
    return is_last and ".layers." in name and "vision" not in name


def chain(text: str) -> dict[int, tuple[int, ...]]:
    """The ids of a text, each followed by the next, the last by the end.

    Raises `ValueError` if a token comes twice in the text.
    """
    ids = ocr_tokenizer().encode(text, add_special_tokens=False).ids
    if len(set(ids)) != len(ids):
        raise ValueError(f"a token comes twice in {text!r}")
    pairs = zip([START, *ids], [*ids, EOS], strict=True)
    return {id: (next_id,) for id, next_id in pairs}


class Scribe:
    """A decoder that says `text` of every page; `tasks` are those that it got."""

    def __init__(self, text: str = "", *, has_end: bool = True) -> None:
        self.text = text
        self.has_end = has_end
        self.tasks: list[Task] = []

    def transcribe(self, tasks: Sequence[Task]) -> list[Transcript]:
        self.tasks += tasks
        confidence = np.full(len(self.text), 0.99, np.float32)
        return [Transcript(self.text, confidence, self.has_end) for _ in tasks]


def page_of(text: str) -> Page:
    """The only page of a short text."""
    turn = PlacedTurn(Turn("user", text), "t0", 0)
    (page,) = PageRenderer(sans_grid(512, 85.0)).paginate([turn])
    return page


def noise_tokens(reader: DeepseekReader, rung: str) -> VisualTokens:
    """Visual tokens of noise for a checkpoint: a scripted decoder does not look at them."""
    profile = reader.profile
    shape = (reader.family.rung(rung).n_grid_tokens, profile.dim)
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return VisualTokens(values, profile.id, profile.revision, rung)
