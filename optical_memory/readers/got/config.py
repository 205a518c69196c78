"""GOT-OCR2.0's config.json, and the stock class's config from it.

The stock config is built by keyword: `Config.from_pretrained` would take a wrong `model_type` for
another model and give it random weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AliasChoices, AliasPath, Field
from typing_extensions import TypedDict  # as pydantic wants it below Python 3.12

from optical_memory.errors import CheckpointError
from optical_memory.readers.checkpoints.config_json import Section, Size, parse_config

if TYPE_CHECKING:
    from transformers import GotOcr2Config

__all__ = [
    "GotConfig",
    "parse_got_config",
    "stock_config",
]

Index = Annotated[int, Field(strict=True, ge=0)]


class TextSection(Section):
    """The decoder, a Qwen2."""

    vocab_size: Size
    hidden_size: Size
    intermediate_size: Size
    num_hidden_layers: Size
    num_attention_heads: Size
    num_key_value_heads: Size
    max_position_embeddings: Size
    rms_norm_eps: float = 1e-6
    # It must be there: with a wrong value the model writes garbage, and nothing else shows it.
    rope_theta: float = Field(
        validation_alias=AliasChoices(AliasPath("rope_parameters", "rope_theta"), "rope_theta")
    )


class VisionSection(TypedDict, total=False):
    """The tower; sizes that are not there are those of the stock class."""

    hidden_size: Size
    output_channels: Size
    num_hidden_layers: Size
    num_attention_heads: Size
    mlp_dim: Size
    window_size: Size
    global_attn_indexes: list[Index]
    image_size: Size
    patch_size: Size


class GotConfig(Section):
    """config.json of GOT-OCR2.0."""

    model_type: Literal["got_ocr2"]
    image_token_index: Index
    text_config: TextSection
    vision_config: VisionSection = Field(default_factory=lambda: VisionSection())


def parse_got_config(config_json: Mapping[str, Any]) -> GotConfig:
    """config.json as published. Raises `CheckpointError` if it is of another model, or odd."""
    return parse_config(GotConfig, config_json)


def stock_config(config: GotConfig) -> GotOcr2Config:
    """The config of the stock class. Raises `CheckpointError` if sizes do not go together."""
    from huggingface_hub.errors import StrictDataclassError
    from transformers import GotOcr2Config

    text = config.text_config.model_dump(exclude={"rope_theta"}) | {
        "model_type": "qwen2",
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": float(config.text_config.rope_theta),
        },
        "tie_word_embeddings": True,
        "use_sliding_window": False,
    }
    try:
        return GotOcr2Config(
            vision_config=dict(config.vision_config),
            text_config=text,
            image_token_index=config.image_token_index,
        )
    except (KeyError, TypeError, ValueError, StrictDataclassError) as error:
        raise CheckpointError(
            f"the sizes in config.json do not go together in a GOT-OCR2: {error}"
        ) from error
