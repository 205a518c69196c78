"""Whether the numbers in a published config.json are such as a model can be built from; no model
code.

The stock classes ask little: they would divide by zero, fail at the first page, or wait for memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from reprlib import repr as short
from typing import Any

from optical_memory.errors import CheckpointError
from optical_memory.readers.deepseek.families import V2, Family
from optical_memory.readers.language.tokenizer import IMAGE

__all__ = ["HEAD", "MOST", "check_numbers"]

HEAD = 64  # width of an attention head in every vision part
MOST = 2**20  # of any size: eight times the largest published, and no product overflows
SIZES = (
    *("hidden_size", "intermediate_size", "moe_intermediate_size", "n_shared_experts"),
    *("num_attention_heads", "num_key_value_heads", "max_position_embeddings"),
)
METHODS = ("greedy", "group_limited_greedy")
"""How the stock classes choose experts."""


@dataclass(frozen=True)
class _Section:
    """An object inside config.json; `path` is where. Every method raises `CheckpointError`."""

    path: str
    values: Mapping[str, Any]

    @classmethod
    def at(cls, published: Mapping[str, Any], *path: str) -> _Section:
        found: Any = published
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        if not isinstance(found, Mapping):
            raise CheckpointError(f"config.json has no object {'.'.join(path)}")
        return cls(".".join(path), found)

    def whole(self, name: str, least: int = 1, most: int = MOST) -> int:
        value = self.values.get(name)
        if not _is_whole(value, least, most):
            self.refuse(name, f"not a whole number from {least} to {most}")
        return int(value)  # type: ignore[arg-type]

    def multiple(self, name: str, of: int, why: str) -> None:
        if self.whole(name) % of:
            self.refuse(name, f"not a multiple of {of}, {why}")

    def refuse(self, name: str, why: str) -> None:
        said = short(self.values[name]) if name in self.values else "missing"
        raise CheckpointError(f"config.json: {self.path}.{name} is {said}, {why}")


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def check_numbers(family: Family, published: Mapping[str, Any], tensors: int) -> None:
    """Raise `CheckpointError` for a config.json whose numbers no model can have, one of `tensors`
    tensors at least.
    """
    _check_decoder(_Section.at(published, "language_config"), tensors)
    _check_tower(sam := _Section.at(published, "vision_config", "width", "sam_vit_b"), tensors)
    layers, seen = sam.whole("layers"), sam.values.get("global_attn_indexes")
    if not isinstance(seen, list) or not all(_is_whole(index, 0, layers - 1) for index in seen):
        sam.refuse("global_attn_indexes", f"not a list of layers from 0 to {layers - 1}")
    if family is V2:
        body = _Section.at(published, "vision_config", "width", "qwen2-0-5b")
        return body.multiple("dim", HEAD, "the width of a head")
    clip = _Section.at(published, "vision_config", "width", "clip-l-14-224")
    _check_tower(clip, tensors)
    clip.whole("patch_size", most=clip.whole("image_size"))


def _check_tower(tower: _Section, tensors: int) -> None:
    tower.whole("layers", most=tensors)
    tower.multiple("width", tower.whole("heads"), "the number of heads")


def _check_decoder(text: _Section, tensors: int) -> None:
    for name in SIZES:
        text.whole(name)
    text.whole("vocab_size", IMAGE + 1)
    text.whole("first_k_dense_replace", 0, text.whole("num_hidden_layers", most=tensors))
    heads, shared = text.whole("num_attention_heads"), text.whole("num_key_value_heads")
    text.multiple("hidden_size", 2 * heads, "twice the number of heads: their widths are even")
    text.multiple("num_attention_heads", shared, "the number of key and value heads")
    if text.values.get("sliding_window"):
        text.whole("sliding_window")
    _check_experts(text, text.whole("n_routed_experts", most=tensors))


def _check_experts(text: _Section, experts: int) -> None:
    text.whole("num_experts_per_tok", most=experts)
    if text.values.get("topk_method") not in METHODS:
        text.refuse(
            "topk_method", f"which the stock class does not know; it knows {', '.join(METHODS)}"
        )
    for name in ("n_group", "topk_group"):
        if text.values.get("topk_method") != "greedy" or text.values.get(name) is not None:
            text.whole(name, most=experts)
    if text.values["topk_method"] != "greedy":
        text.multiple("n_routed_experts", text.whole("n_group"), "the number of their groups")
        text.whole("topk_group", most=text.whole("n_group"))
