"""GOT-OCR2.0's two halves in transformers' own classes: what sees a page, and what reads its visual
tokens.

The vision half (a SAM-style tower of 1024 px, two convolutions, a projector) gives 256 tokens a
page, and those are all that is kept: no newline or separator stands between them. The decoder half
is Qwen2; it is given the published prompt with the page's tokens where the placeholders `<imgpad>`
would be, and the tower never runs. Sources: transformers' processor and image processor for
GOT-OCR2 (prompt, pixels), its conversion script (names of the weights).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import (
    GenerationConfig,
    GotOcr2Config,
    GotOcr2ForConditionalGeneration,
    LogitsProcessorList,
)
from transformers.models.got_ocr2.modeling_got_ocr2 import (
    GotOcr2MultiModalProjector,
    GotOcr2VisionEncoder,
)

from optical_memory.errors import CheckpointError
from optical_memory.readers.checkpoints.devices import Place
from optical_memory.readers.checkpoints.strict_load import load_stock
from optical_memory.readers.language.decoder import Task, Transcript
from optical_memory.readers.language.loop_guard import GuardedWitness
from optical_memory.readers.language.tokenizer import spell

__all__ = ["GotDecoder", "GotVision", "got_config", "load_decoder", "load_vision", "network_pixels"]

BEFORE = (
    "<|im_start|>system\nYou should follow the instructions carefully and explain your answers in detail.<|im_end|>"
    "<|im_start|>user\n<img>"
)
AFTER = "</img>\n{}<|im_end|><|im_start|>assistant\n"
ENDS = ("<|im_end|>", "<|endoftext|>")
"""The model ends with the first; the second is Qwen's own end of text."""

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of red, green and blue: CLIP's, as the image processor for GOT has them."""

PLAIN = Place("cpu", torch.float32)
VISION_PARTS = ("vision_tower.", "multi_modal_projector.")
AT_ONCE = 8  # pages in one batch of the decoder
SIZES = (
    *("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
    *("num_key_value_heads", "max_position_embeddings"),
)
VISION_SIZES = (
    *(
        "hidden_size",
        "output_channels",
        "num_hidden_layers",
        "num_attention_heads",
        "mlp_dim",
        "window_size",
    ),
    *("global_attn_indexes", "image_size", "patch_size"),
)


def got_config(published: Mapping[str, Any]) -> GotOcr2Config:
    """The stock config, by keyword, of a published config.json. Raises `CheckpointError` for one of
    another model.
    """
    if published.get("model_type") != "got_ocr2":
        raise CheckpointError(
            f"config.json is of {published.get('model_type')!r}, not of 'got_ocr2'"
        )
    try:
        said, seen = published["text_config"], published.get("vision_config", {})
        theta = float(
            (said.get("rope_parameters") or said)["rope_theta"]
        )  # nothing but garbage shows that it is wrong
        text = {name: said[name] for name in SIZES} | {
            "model_type": "qwen2",
            "rms_norm_eps": said.get("rms_norm_eps", 1e-6),
            "rope_parameters": {"rope_type": "default", "rope_theta": theta},
            "tie_word_embeddings": True,
            "use_sliding_window": False,
        }
        vision = {
            name: seen[name] for name in VISION_SIZES if name in seen
        }  # the class's own sizes are GOT's
        sizes = [*((name, said[name]) for name in SIZES), *vision.items()]
        if odd := [
            f"{name} is {value}" for name, value in sizes if isinstance(value, int) and value < 1
        ]:
            raise ValueError(odd[0])
        return GotOcr2Config(
            vision_config=vision, text_config=text, image_token_index=published["image_token_index"]
        )
    except (AttributeError, KeyError, TypeError, ValueError, StrictDataclassError) as error:
        raise CheckpointError(
            f"config.json does not tell the sizes of GOT-OCR2: {error!r}"
        ) from error


def network_pixels(images: npt.NDArray[np.uint8]) -> Tensor:
    """(b, side, side) black on white to (b, 3, side, side), normalised; pages have the tower's
    size, nothing is resampled.
    """
    grey = torch.from_numpy(images).float()[:, None] / 255
    mean, std = (torch.tensor(values)[None, :, None, None] for values in (MEAN, STD))
    return (grey - mean) / std


# ---- seeing --------------------------------------------------------------------------------------


class GotVision(nn.Module):
    """The tower and the projector, without the decoder."""

    def __init__(self, config: GotOcr2Config) -> None:
        super().__init__()
        seeing: Any = config.vision_config
        self.vision_tower = GotOcr2VisionEncoder(seeing)
        self.multi_modal_projector = GotOcr2MultiModalProjector(config)

    def forward(self, pixels: Tensor) -> Tensor:
        """(b, 3, 1024, 1024) to (b, 256, dim)."""
        seen: Tensor = self.multi_modal_projector(self.vision_tower(pixels).last_hidden_state)
        return seen

    def see(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """(b, 1024, 1024) black on white to (b, 256, dim)."""
        weight = self.multi_modal_projector.multimodal_projector.weight
        seen = self(network_pixels(images).to(weight.device, weight.dtype))
        found: npt.NDArray[np.float32] = seen.float().cpu().numpy().copy()
        return found


def load_vision(folder: Path, config: GotOcr2Config, at: Place = PLAIN) -> GotVision:
    """The vision half; the decoder's weights stay in the file. Raises `CheckpointError` unless all
    keys fit.
    """
    vision, found = GotVision(config), dict[str, Tensor]()
    try:
        with safe_open(folder / "model.safetensors", "pt") as file:
            for key in file.keys():  # noqa: SIM118  # no mapping
                if (name := key.removeprefix("model.")).startswith(VISION_PARTS):
                    found[name] = file.get_tensor(key).float()
        vision.load_state_dict(found, strict=True)
    except (RuntimeError, OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{folder} does not hold the vision half of GOT-OCR2: {error}"
        ) from error
    return vision.to(at.device, at.dtype).eval()


# ---- reading -------------------------------------------------------------------------------------


def load_decoder(
    folder: Path, config: GotOcr2Config, tokenizer: Tokenizer, at: Place = PLAIN
) -> GotDecoder:
    """The whole model, strictly. Raises `CheckpointError` unless all keys fit."""
    model: Any = load_stock(GotOcr2ForConditionalGeneration, folder, config)
    return GotDecoder(model.to(at.device, at.dtype), tokenizer)


class GotDecoder:
    """A `Decoder` with the stock class. A task's prompt is the query after the picture, as " OCR:
    ".

    Raises `CheckpointError` for a tokenizer that lacks GOT's own tokens.
    """

    def __init__(self, model: GotOcr2ForConditionalGeneration, tokenizer: Tokenizer) -> None:
        named = {
            name: tokenizer.token_to_id(name)
            for name in (*ENDS, "<|im_start|>", "<img>", "</img>", "<imgpad>")
        }
        if lacking := [name for name, id in named.items() if id is None]:
            raise CheckpointError(
                f"the tokenizer is not GOT-OCR2's: it has no {', '.join(lacking)}"
            )
        self.model, self.tokenizer = model, tokenizer
        self._ends = [named[name] for name in ENDS]
        rules: dict[str, Any] = {
            "eos_token_id": self._ends,
            "pad_token_id": self._ends[1],
            "do_sample": False,
        }
        model.generation_config = GenerationConfig(**rules)  # type: ignore[no-untyped-call]

    @torch.inference_mode()
    def transcribe(self, tasks: Sequence[Task]) -> list[Transcript]:
        """Pages of like prompts together: their sequences are of one length, and nothing is padded."""
        done: dict[int, Transcript] = {}
        order = sorted(
            range(len(tasks)), key=lambda i: (tasks[i].prompt, len(tasks[i].tokens), tasks[i].limit)
        )
        for _, same in itertools.groupby(
            order, key=lambda i: (tasks[i].prompt, len(tasks[i].tokens))
        ):
            group = list(same)
            for start in range(0, len(group), AT_ONCE):
                part = group[start : start + AT_ONCE]
                done |= zip(part, self._batch([tasks[i] for i in part]), strict=True)
        return [done[i] for i in range(len(tasks))]

    def embeds(self, task: Task) -> Tensor:
        """(n, dim): the published prompt with the page's tokens in place of its placeholders."""
        before, after = (
            self.tokenizer.encode(text, add_special_tokens=False).ids
            for text in (BEFORE, AFTER.format(task.prompt))
        )
        table: Any = self.model.get_input_embeddings()
        words = table(torch.tensor([*before, *after], device=self.model.device))
        page = torch.from_numpy(task.tokens).to(words.device, words.dtype)
        return torch.cat([words[: len(before)], page, words[len(before) :]])

    def _batch(self, tasks: Sequence[Task]) -> list[Transcript]:
        embeds = torch.stack([self.embeds(task) for task in tasks])
        witness = GuardedWitness([task.guard for task in tasks])
        model: Any = self.model
        out: Tensor = model.generate(
            inputs_embeds=embeds,
            attention_mask=torch.ones(embeds.shape[:2], dtype=torch.long, device=embeds.device),
            max_new_tokens=max(task.limit for task in tasks),
            logits_processor=LogitsProcessorList([witness]),
        )
        return [
            self._told(ids, p, task)
            for ids, p, task in zip(out.tolist(), witness.p, tasks, strict=True)
        ]

    def _told(self, ids: list[int], p: list[float], task: Task) -> Transcript:
        stop = next((i for i, id in enumerate(ids) if id in self._ends), len(ids))
        kept = ids[: min(stop, task.limit)]
        text, sure = spell(self.tokenizer, kept, np.array(p[: len(kept)], np.float32))
        return Transcript(text, sure, stop < len(ids) and stop <= task.limit)
