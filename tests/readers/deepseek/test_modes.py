"""Every mode of every family: tokens counted as the model counts them, and the same numbers as
plain transformers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from support.readers.small_checkpoints import Stock

from optical_memory.profiles import Rung
from optical_memory.readers.deepseek.families import UNLIMITED, V1, V2
from optical_memory.readers.deepseek.open_folder import open_folder
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.deepseek.views import preprocess
from optical_memory.readers.deepseek.weights import load_half
from optical_memory.readers.language.decoder import Guard, Task
from optical_memory.readers.language.family import Family
from optical_memory.readers.language.tokenizer import BOS, IMAGE, spell

COUNTS = [
    (V1, "tiny", 73),
    (V1, "small", 111),
    (V1, "base", 273),
    (V1, "large", 421),
    (V1, "gundam-2x2", 693),
    (V1, "gundam-2x3", 903),
    (V1, "gundam-3x3", 1203),
    (V1, "gundam-master-2x2", 1477),
    (UNLIMITED, "base", 273),
    (UNLIMITED, "gundam-2x2", 693),
    (UNLIMITED, "gundam-4x8", 3553),
    (V2, "768", 145),
    (V2, "1024", 257),
    (V2, "tiles-2x1", 545),
    (V2, "tiles-3x1", 689),
    (V2, "tiles-2x2", 833),
    (V2, "tiles-5x1", 977),
    (V2, "tiles-3x2", 1121),
]
EVERY_MODE = pytest.mark.parametrize(
    ("family", "name", "n_tokens"), COUNTS, ids=lambda value: getattr(value, "id", str(value))
)
EVERY_FAMILY = pytest.mark.parametrize("family", [V1, UNLIMITED, V2], ids=lambda family: family.id)
NO_GUARD = Guard(10_000, 10_000)


@pytest.fixture(scope="module")
def readers(stock: dict[str, Stock]) -> dict[str, DeepseekReader]:
    """A reader of each small checkpoint, by the family's id; its halves are loaded once."""
    return {id: DeepseekReader(folder, dtype="float32") for id, (folder, _) in stock.items()}


def picture(rung: Rung, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Strokes on white: something like a page."""
    width, height = rung.size_px
    ink = np.random.default_rng(seed).random((height // 8, width // 4)) < 0.3
    return np.where(np.kron(ink, np.ones((8, 4), bool)), 0, 255).astype(np.uint8)


def stock_inputs(rung: Rung, prompt: list[int]) -> dict[str, Any]:
    """The inputs of plain transformers for a picture: pixels and placeholders."""
    pixels = preprocess([picture(rung)], rung)
    views = rung.views
    ids = torch.tensor([[BOS, *[IMAGE] * views.n_tokens, *prompt]])
    inputs: dict[str, Any] = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "pixel_values": torch.from_numpy(pixels.pages),
    }
    if pixels.tiles is not None:
        inputs["pixel_values_local"] = torch.from_numpy(pixels.tiles)
        inputs["num_local_patches"] = [views.tiles]
        if views.newlines:
            inputs["patches_grid"] = [[views.across, views.down]]
    return inputs


def prompt_ids(reader: DeepseekReader) -> list[int]:
    decoder: Any = reader.decoder
    text = reader.family.prompts["plain"]
    ids: list[int] = decoder.tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def task_for(reader: DeepseekReader, rung: Rung, limit: int, seed: int = 0) -> Task:
    """The task of reading a picture from its tokens."""
    (tokens,) = reader.encode([picture(rung, seed)], rung)
    return Task(reader.decoder_input(tokens), reader.family.prompts["plain"], limit, NO_GUARD)


@EVERY_MODE
def test_a_mode_costs_what_the_decoder_receives(family: Family, name: str, n_tokens: int) -> None:
    assert family.rung(name).n_tokens == n_tokens


@EVERY_MODE
def test_cached_tokens_give_the_logits_of_plain_transformers(
    family: Family,
    name: str,
    n_tokens: int,
    stock: dict[str, Stock],
    readers: dict[str, DeepseekReader],
) -> None:
    _, model = stock[family.id]
    reader = readers[family.id]
    rung = family.rung(name)
    prompt = prompt_ids(reader)
    task = task_for(reader, rung, 1)
    assert len(task.tokens) == n_tokens
    decoder: Any = reader.decoder
    with torch.no_grad():
        plain = model(**stock_inputs(rung, prompt)).logits[0, -len(prompt) :]
        cached = decoder.model(inputs_embeds=decoder.embeds(task)).logits[0, -len(prompt) :]
    assert (cached - plain).abs().max() <= 1e-5
    assert plain.std() > 0.1


@pytest.mark.parametrize(
    ("family", "name"),
    [(V1, "tiny"), (V1, "gundam-2x2"), (UNLIMITED, "base"), (V2, "768"), (V2, "1024")],
    ids=lambda value: getattr(value, "id", value),
)
def test_greedy_text_is_that_of_plain_transformers_for_300_tokens(
    family: Family, name: str, stock: dict[str, Stock], readers: dict[str, DeepseekReader]
) -> None:
    _, model = stock[family.id]
    reader = readers[family.id]
    rung = family.rung(name)
    inputs = stock_inputs(rung, prompt_ids(reader))
    any_model: Any = model
    with torch.no_grad():
        plain = any_model.generate(
            **inputs, do_sample=False, max_new_tokens=300, eos_token_id=1, pad_token_id=2
        )
    ids = plain[0, inputs["input_ids"].shape[1] :].tolist()
    assert len(ids) == 300
    assert len(set(ids)) > 25  # a decoder that says one word would prove nothing
    decoder: Any = reader.decoder
    (transcript,) = decoder.transcribe([task_for(reader, rung, 300)])
    assert transcript.text == spell(decoder.tokenizer, ids, np.ones(len(ids), np.float32))[0]


def test_the_window_of_unlimited_ocr_matters_within_300_tokens(stock: dict[str, Stock]) -> None:
    """Were the window ignored, the test above would not see it: with full attention the text is
    another.
    """
    folder, _ = stock[UNLIMITED.id]
    half: Any = load_half(open_folder(folder), "decoder")
    config = half.config.text_config
    prompt = torch.randint(3, 1000, (1, 80), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(prompt)
    texts = []
    for kind in ("reference_sliding_attention", "full_attention"):
        config.layer_types = [kind] * len(config.layer_types)
        with torch.no_grad():
            texts.append(half.generate(input_ids=prompt, attention_mask=mask, max_new_tokens=300))
    is_equal = (texts[0] == texts[1])[0]
    assert is_equal[: 80 + 100].all()
    assert not is_equal.all()


# ---- batches -------------------------------------------------------------------------------------

MIXED_RUNGS = {
    V1: ("tiny", "small", "tiny"),
    UNLIMITED: ("base", "gundam-2x1", "base"),
    V2: ("768", "1024", "768"),
}


@EVERY_FAMILY
def test_pages_of_mixed_sizes_read_in_a_batch_as_one_by_one(
    family: Family, readers: dict[str, DeepseekReader]
) -> None:
    reader = readers[family.id]
    tasks = []
    for seed, name in enumerate(MIXED_RUNGS[family]):
        (tokens,) = reader.encode([picture(family.rung(name), seed)], family.rung(name))
        prompt = family.prompts["plain"]
        tasks.append(Task(reader.decoder_input(tokens), prompt, 60 + 20 * seed, Guard(30, 90)))
    together = reader.decoder.transcribe(tasks)
    alone = [reader.decoder.transcribe([task])[0] for task in tasks]
    assert [transcript.text for transcript in together] == [transcript.text for transcript in alone]
    assert len({transcript.text for transcript in together}) == 3


@pytest.mark.parametrize("name", ["base", "gundam-2x2"])
def test_pictures_encode_in_a_batch_as_one_by_one(
    name: str, readers: dict[str, DeepseekReader]
) -> None:
    reader = readers[V1.id]
    rung = V1.rung(name)
    pictures = [picture(rung, seed) for seed in (1, 2)]
    together = reader.encode(pictures, rung)
    alone = [reader.encode([image], rung)[0] for image in pictures]
    assert len(together) == 2
    for in_batch, single in zip(together, alone, strict=True):
        assert np.abs(in_batch.values - single.values).max() < 1e-4
