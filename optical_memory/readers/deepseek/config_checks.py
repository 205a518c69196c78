"""The sections of a published config.json, and the numbers that the stock classes can work with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AliasPath, BeforeValidator, Field

from optical_memory.readers.checkpoints.config_json import MAX_SIZE, Section, Size, TensorCount
from optical_memory.readers.language.tokenizer import IMAGE

__all__ = [
    "HEAD",
    "DecoderSection",
    "DeepseekConfig",
    "V1Config",
    "V2Config",
]

HEAD = 64  # width of an attention head in every vision part
WIDTH = ("vision_config", "width")  # the object with the sizes of the vision parts


class DecoderSection(Section):
    """The decoder, a DeepSeek-V2 of routed experts."""

    vocab_size: Annotated[int, Field(gt=IMAGE, le=MAX_SIZE)]
    hidden_size: Size
    intermediate_size: Size
    moe_intermediate_size: Size
    num_hidden_layers: TensorCount
    first_k_dense_replace: Annotated[int, Field(ge=0)]
    num_attention_heads: Size
    num_key_value_heads: Size
    n_routed_experts: TensorCount
    n_shared_experts: Size
    num_experts_per_tok: Size
    topk_method: Literal["greedy", "group_limited_greedy"]  # the stock classes know no other
    n_group: Size | None
    topk_group: Size | None
    max_position_embeddings: Size
    sliding_window: Annotated[Size | None, BeforeValidator(lambda value: value or None)] = None

    def check(self) -> None:
        even = 2 * self.num_attention_heads
        n_shared = self.num_key_value_heads
        self.require_at_most(
            "first_k_dense_replace", self.num_hidden_layers, "the number of layers"
        )
        self.require_multiple("hidden_size", even, "twice the heads: their widths are even")
        self.require_multiple("num_attention_heads", n_shared, "the key and value heads")
        for name in ("num_experts_per_tok", "n_group", "topk_group"):
            self.require_at_most(name, self.n_routed_experts, "the number of experts")
        if self.topk_method != "greedy":
            self.check_groups()

    def check_groups(self) -> None:
        if self.n_group is None or self.topk_group is None:
            raise ValueError(f"n_group or topk_group is None, which {self.topk_method} needs")
        self.require_multiple("n_routed_experts", self.n_group, "the number of their groups")
        self.require_at_most("topk_group", self.n_group, "the number of groups")


class TowerSection(Section):
    """A tower of attention layers."""

    layers: TensorCount
    width: Size
    heads: Size

    def check(self) -> None:
        self.require_multiple("width", self.heads, "the number of heads")


class SamSection(TowerSection):
    """The tower that sees first."""

    global_attn_indexes: list[int]

    def check(self) -> None:
        super().check()
        indexes = self.global_attn_indexes
        if not set(indexes) <= set(range(self.layers)):
            layers = f"layers from 0 to {self.layers - 1}"
            raise ValueError(f"global_attn_indexes is {indexes}, not a list of {layers}")


class ClipSection(TowerSection):
    """The encoder behind the tower, in DeepSeek-OCR and Unlimited-OCR."""

    image_size: Size
    patch_size: Size

    def check(self) -> None:
        super().check()
        self.require_at_most("patch_size", self.image_size, "the image_size")


class Qwen2Section(Section):
    """The encoder behind the tower, in DeepSeek-OCR-2; its other sizes are not in config.json."""

    dim: Annotated[Size, Field(multiple_of=HEAD)]


class DeepseekConfig(Section):
    """A published config.json."""

    decoder: DecoderSection = Field(alias="language_config")
    sam: SamSection = Field(validation_alias=AliasPath(*WIDTH, "sam_vit_b"))


class V1Config(DeepseekConfig):
    """A config.json of DeepSeek-OCR or Unlimited-OCR."""

    clip: ClipSection = Field(validation_alias=AliasPath(*WIDTH, "clip-l-14-224"))


class V2Config(DeepseekConfig):
    """A config.json of DeepSeek-OCR-2."""

    qwen2: Qwen2Section = Field(validation_alias=AliasPath(*WIDTH, "qwen2-0-5b"))
