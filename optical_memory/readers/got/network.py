"""GOT-OCR2.0's two halves in transformers' own classes: a tower that sees, a decoder that reads.

The vision half (a SAM-style tower of 1024 px, two convolutions, a projector) gives 256 tokens a
page, and only those are kept: no newline or separator stands between them. The decoder half is
Qwen2. It gets the published prompt with the page's tokens in place of the placeholders `<imgpad>`,
and the tower never runs. Sources: transformers' processor and image processor for GOT-OCR2 (prompt,
pixels), its conversion script (names of the weights).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import GenerationConfig, GotOcr2Config, GotOcr2ForConditionalGeneration
from transformers.models.got_ocr2.modeling_got_ocr2 import (
    GotOcr2MultiModalProjector,
    GotOcr2VisionEncoder,
)

from optical_memory.errors import CheckpointError
from optical_memory.readers.checkpoints.devices import Device
from optical_memory.readers.checkpoints.strict_load import load_stock
from optical_memory.readers.language.decoder import Task, Transcript
from optical_memory.readers.language.generate import batches, generate_ids, transcript_of

__all__ = [
    "GotDecoder",
    "GotVision",
    "load_decoder",
    "load_vision",
    "network_pixels",
]

PROMPT_START = (
    "<|im_start|>system\n"
    "You should follow the instructions carefully and explain your answers in detail.<|im_end|>"
    "<|im_start|>user\n<img>"
)
PROMPT_END = "</img>\n{}<|im_end|><|im_start|>assistant\n"
ENDS = ("<|im_end|>", "<|endoftext|>")
"""The model ends with the first; the second is Qwen's own end of text."""

PICTURE_TOKENS = ("<|im_start|>", "<img>", "</img>", "<imgpad>")
"""The other tokens of GOT's own that the prompt needs."""

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""Of red, green and blue: CLIP's, as the image processor for GOT has them."""

PLAIN = Device("cpu", torch.float32)
VISION_PARTS = ("vision_tower.", "multi_modal_projector.")


# ---- seeing --------------------------------------------------------------------------------------


def network_pixels(images: npt.NDArray[np.uint8]) -> Tensor:
    """(b, side, side) black on white to (b, 3, side, side), normalised.

    Pages have the tower's size, so nothing is resampled.
    """
    gray = torch.from_numpy(images).float()[:, None] / 255
    mean = torch.tensor(MEAN)[None, :, None, None]
    std = torch.tensor(STD)[None, :, None, None]
    return (gray - mean) / std


class GotVision(nn.Module):
    """The tower and the projector, without the decoder."""

    def __init__(self, config: GotOcr2Config) -> None:
        super().__init__()
        vision_config: Any = config.vision_config
        self.vision_tower = GotOcr2VisionEncoder(vision_config)
        self.multi_modal_projector = GotOcr2MultiModalProjector(config)

    def forward(self, pixels: Tensor) -> Tensor:
        """(b, 3, 1024, 1024) to (b, 256, dim)."""
        features = self.vision_tower(pixels).last_hidden_state
        tokens: Tensor = self.multi_modal_projector(features)
        return tokens

    def see(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """(b, 1024, 1024) black on white to (b, 256, dim)."""
        weight = self.multi_modal_projector.multimodal_projector.weight
        tokens = self(network_pixels(images).to(weight.device, weight.dtype))
        values: npt.NDArray[np.float32] = tokens.float().cpu().numpy().copy()
        return values


def load_vision(folder: Path, config: GotOcr2Config, device: Device = PLAIN) -> GotVision:
    """The vision half; the decoder's weights stay in the file.

    Raises `CheckpointError` unless all of its keys fit.
    """
    vision = GotVision(config)
    weights: dict[str, Tensor] = {}
    try:
        with safe_open(folder / "model.safetensors", "pt") as file:
            for key in file.keys():  # noqa: SIM118  # no mapping
                name = key.removeprefix("model.")
                if name.startswith(VISION_PARTS):
                    weights[name] = file.get_tensor(key).float()
        vision.load_state_dict(weights, strict=True)
    except (RuntimeError, OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{folder} does not hold the vision half of GOT-OCR2: {error}"
        ) from error
    return vision.to(device.name, device.dtype).eval()


# ---- reading -------------------------------------------------------------------------------------


def load_decoder(
    folder: Path, config: GotOcr2Config, tokenizer: Tokenizer, device: Device = PLAIN
) -> GotDecoder:
    """The whole model. Raises `CheckpointError` unless all keys fit."""
    model: Any = load_stock(GotOcr2ForConditionalGeneration, folder, config)
    return GotDecoder(model.to(device.name, device.dtype), tokenizer)


class GotDecoder:
    """A `Decoder` with the stock class. A task's prompt is the query after the picture (" OCR: ").

    Raises `CheckpointError` if the tokenizer lacks GOT's own tokens.
    """

    def __init__(self, model: GotOcr2ForConditionalGeneration, tokenizer: Tokenizer) -> None:
        ids = {name: _token_id(tokenizer, name) for name in (*ENDS, *PICTURE_TOKENS)}
        self.model = model
        self.tokenizer = tokenizer
        self._end_ids = [ids[name] for name in ENDS]
        any_config: Any = GenerationConfig
        model.generation_config = any_config(
            eos_token_id=self._end_ids, pad_token_id=self._end_ids[1], do_sample=False
        )

    @torch.inference_mode()
    def transcribe(self, tasks: Sequence[Task]) -> list[Transcript]:
        """The transcripts of the tasks; sequences of a batch have the same length."""
        transcripts: dict[int, Transcript] = {}
        for group in batches(tasks, same_length=True):
            batch = [tasks[i] for i in group]
            transcripts |= zip(group, self._transcribe_batch(batch), strict=True)
        return [transcripts[i] for i in range(len(tasks))]

    def embeds(self, task: Task) -> Tensor:
        """(n, dim): the published prompt with the page's tokens in place of its placeholders."""
        start = self._ids(PROMPT_START)
        end = self._ids(PROMPT_END.format(task.prompt))
        table: Any = self.model.get_input_embeddings()
        words = table(torch.tensor([*start, *end], device=self.model.device))
        page = torch.from_numpy(task.tokens).to(words.device, words.dtype)
        return torch.cat([words[: len(start)], page, words[len(start) :]])

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _transcribe_batch(self, tasks: Sequence[Task]) -> list[Transcript]:
        rows = generate_ids(self.model, [self.embeds(task) for task in tasks], tasks)
        return [
            transcript_of(
                ids,
                probabilities,
                limit=task.limit,
                end_ids=self._end_ids,
                tokenizer=self.tokenizer,
            )
            for (ids, probabilities), task in zip(rows, tasks, strict=True)
        ]


def _token_id(tokenizer: Tokenizer, name: str) -> int:
    """The id of a token by its name. Raises `CheckpointError` if the tokenizer lacks it."""
    id = tokenizer.token_to_id(name)
    if id is None:
        raise CheckpointError(f"the tokenizer is not GOT-OCR2's: it has no {name}")
    return id
