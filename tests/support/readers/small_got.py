"""A small random GOT-OCR2.0 checkpoint in the published form, pages for it, and its greedy ids."""

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
from transformers import GotOcr2Config, GotOcr2ForConditionalGeneration

from optical_memory.readers.got.config import parse_got_config, stock_config
from optical_memory.readers.got.family import GOT
from optical_memory.readers.got.network import GotDecoder
from optical_memory.readers.got.reader import GotReader
from optical_memory.readers.language.decoder import Guard, Task
from optical_memory.readers.language.generate import generate_ids
from optical_memory.renderers import PlacedTurn
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.turns import Turn

NO_GUARD = Guard(200, 1000, ())
"""A guard that no reading of these tests is long enough for."""

DIM = 32
NAMED = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<imgpad>")
END_OF_TEXT = 256
END = 258
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


def got_config(config_json: dict[str, Any] = CONFIG) -> GotOcr2Config:
    """The stock config of a config.json."""
    return stock_config(parse_got_config(config_json))


def byte_tokenizer() -> Tokenizer:
    """Bytes, and GOT's own tokens behind them, the picture's last as in the published tokenizer."""
    bytes_ = {char: i for i, char in enumerate(sorted(ByteLevel.alphabet()))}
    tokenizer = Tokenizer(BPE(bytes_, []))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = ByteLevelDecoder()
    tokenizer.add_tokens([AddedToken(name, normalized=False, special=True) for name in NAMED])
    return tokenizer


# ---- checkpoints ---------------------------------------------------------------------------------


def random_got() -> GotOcr2ForConditionalGeneration:
    """Random weights, so large that every picture and every word makes a difference.

    The model never ends a text by itself.
    """
    torch.manual_seed(3)
    model = GotOcr2ForConditionalGeneration(got_config()).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                scale = 3 if "language_model.layers" in name else 1
                scale *= parameter[0].numel() ** -0.5
                parameter.copy_(torch.randn_like(parameter) * scale)
            elif "bias" in name:
                parameter.copy_(torch.randn_like(parameter) * 0.1)
        words: Any = model.get_input_embeddings()
        words.weight *= 0.1  # or every word would be followed by itself
        words.weight[[END_OF_TEXT, END]] = 0
        model.model.language_model.norm.weight.fill_(10)
    return model


def published_name(key: str) -> str:
    """The name of a weight in the published file."""
    return key.replace("model.language_model.", "language_model.model.").removeprefix("model.")


def write(folder: Path, weights: dict[str, torch.Tensor], config: dict[str, Any] = CONFIG) -> None:
    """Write model.safetensors and config.json."""
    folder.mkdir(exist_ok=True)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config))


def write_got(folder: Path) -> GotOcr2ForConditionalGeneration:
    """Write a random checkpoint as published: its key names, config.json and tokenizer.

    Returns the stock model that has its weights.
    """
    model = random_got()
    weights = {
        published_name(key): value.clone()
        for key, value in model.state_dict().items()
        if key != "lm_head.weight"
    }
    write(folder, weights)
    byte_tokenizer().save(str(folder / "tokenizer.json"))
    return model


# ---- pages and readings --------------------------------------------------------------------------


def draw_pages() -> list[Image]:
    """Two pages of text as the renderer draws them for this reader."""
    renderer = PageRenderer(GotReader(Path("nowhere")).grid)
    text = "The tram to the harbour leaves at 7:45. " * 300
    pages = renderer.paginate([PlacedTurn(Turn("user", text), "a", 0, 0)])
    return [renderer.draw(page, 1024) for page in pages[:2]]


def task_of(tokens: npt.NDArray[np.float32], limit: int = 100, guard: Guard = NO_GUARD) -> Task:
    """The task of reading these tokens with the plain prompt."""
    return Task(tokens, GOT.prompts["plain"], limit, guard)


def greedy_ids(decoder: GotDecoder, task: Task) -> tuple[list[int], list[float]]:
    """The ids that a transcript of the task is spelled from, and the probability of each."""
    with torch.inference_mode():
        ((ids, probabilities),) = generate_ids(decoder.model, [decoder.embeds(task)], [task])
    return ids, probabilities


def end_after(decoder: GotDecoder, tokens: npt.NDArray[np.float32], n: int) -> None:
    """Make the end likelier than the n-th greedy token, wherever that token would be taken."""
    ids, _ = greedy_ids(decoder, task_of(tokens, n + 1))
    table: Any = decoder.model.get_input_embeddings()
    with torch.no_grad():
        table.weight[END] = 2 * table.weight[ids[n]]
