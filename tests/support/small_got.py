"""A small random GOT-OCR2.0 checkpoint in the published form, pages for it, and what its decoder is
made to say.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import GotOcr2ForConditionalGeneration

from optical_memory.readers.got.network import GotDecoder, got_config
from optical_memory.readers.got.reader import GOT, GotReader
from optical_memory.readers.language.decoder import Guard, Task
from optical_memory.renderers import PlacedTurn
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.turns import Turn

LONG = Guard(200, 1000, ())
"""A guard that no reading of these tests is long enough for."""

DIM = 32
NAMED = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<imgpad>")
CONFIG: dict[str, Any] = {
    "architectures": ["GotOcr2ForConditionalGeneration"],
    "model_type": "got_ocr2",
    "image_token_index": 261,
    "image_seq_length": 576,
    "text_config": {
        "model_type": "qwen2",
        "vocab_size": 262,
        "hidden_size": DIM,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 32768,
        "rope_theta": 1e6,
        "tie_word_embeddings": True,
    },
    "vision_config": {
        "hidden_size": 16,
        "output_channels": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "mlp_dim": 32,
        "global_attn_indexes": [1],
    },
}
Image = npt.NDArray[np.uint8]


def byte_tokenizer() -> Tokenizer:
    """Bytes, and GOT's own tokens behind them, the picture's last as in the published one."""
    made = Tokenizer(BPE({char: i for i, char in enumerate(sorted(ByteLevel.alphabet()))}, []))
    made.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=True)
    made.decoder = ByteLevelDecoder()
    made.add_tokens([AddedToken(name, normalized=False, special=True) for name in NAMED])
    return made


def random_got() -> GotOcr2ForConditionalGeneration:
    """Random weights, large enough that every picture and every word makes a difference; it never
    ends by itself.
    """
    torch.manual_seed(3)
    model = GotOcr2ForConditionalGeneration(got_config(CONFIG)).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() > 1:
                scale = 3 if "language_model.layers" in name else 1
                p.copy_(torch.randn_like(p) * scale * p[0].numel() ** -0.5)
            elif "bias" in name:
                p.copy_(torch.randn_like(p) * 0.1)
        words: Any = model.get_input_embeddings()
        words.weight *= 0.1  # or a word would be followed by itself
        words.weight[[256, 258]] = 0
        model.model.language_model.norm.weight.fill_(10)
    return model


def published(key: str) -> str:
    """The name of a weight in the published file."""
    return key.replace("model.language_model.", "language_model.model.").removeprefix("model.")


def write(folder: Path, weights: dict[str, torch.Tensor], config: dict[str, Any] = CONFIG) -> None:
    """Write model.safetensors and config.json."""
    folder.mkdir(exist_ok=True)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config))


def write_got(folder: Path) -> GotOcr2ForConditionalGeneration:
    """Write a random checkpoint as published: its key names, config.json and tokenizer; returns the
    stock model.
    """
    model = random_got()
    weights = {
        published(key): value.clone()
        for key, value in model.state_dict().items()
        if key != "lm_head.weight"
    }
    write(folder, weights)
    byte_tokenizer().save(str(folder / "tokenizer.json"))
    return model


def drawn() -> list[Image]:
    """Two pages of text as the renderer draws them for this reader."""
    renderer = PageRenderer(GotReader(Path("nowhere")).grid)
    text = "The tram to the harbour leaves at 7:45. " * 300
    pages = renderer.paginate([PlacedTurn(Turn("user", text), "a", 0, 0)])
    return [renderer.draw(page, 1024) for page in pages[:2]]


def task(tokens: npt.NDArray[np.float32], limit: int = 100, guard: Guard = LONG) -> Task:
    """These tokens to be read with the plain prompt."""
    return Task(tokens, GOT.prompts["plain"], limit, guard)


def spelled_from(decoder: GotDecoder, one: Task) -> tuple[list[int], list[float]]:
    """The ids, and their probabilities, that a transcript is spelled from."""
    found: list[Any] = []
    told = decoder._told
    decoder._told = lambda *got: found.extend(got[:2]) or told(*got)  # type: ignore[method-assign,func-returns-value]
    decoder.transcribe([one])
    decoder._told = told  # type: ignore[method-assign]
    return found[0], found[1]


def ends_after(decoder: GotDecoder, tokens: npt.NDArray[np.float32], n: int) -> None:
    """Let the end be likelier than the token that comes n-th, wherever that would be taken."""
    ids, _ = spelled_from(decoder, task(tokens, n + 1))
    table: Any = decoder.model.get_input_embeddings().weight
    with torch.no_grad():
        table[258] = 2 * table[ids[n]]
