"""On a machine with an NVIDIA GPU: readers give there what the stock class gives there, and pocket
what it gives on the CPU. Everywhere else these tests are skipped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from support.readers.small_checkpoints import Stock

from optical_memory.pages import Page
from optical_memory.profiles import Rung
from optical_memory.readers.deepseek.families import UNLIMITED, V1, V2
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.deepseek.views import preprocess
from optical_memory.readers.language.decoder import Guard, Task
from optical_memory.readers.language.family import Family
from optical_memory.readers.language.tokenizer import BOS, IMAGE, spell
from optical_memory.readers.pocket.reader import LADDER, PocketReader
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.turns import Turn

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")

EVERY_RUNG = pytest.mark.parametrize("rung", LADDER, ids=lambda rung: rung.name)
N_NEW = 100


def picture(rung: Rung, seed: int) -> npt.NDArray[np.uint8]:
    """Strokes on white: something like a page."""
    width, height = rung.size_px
    ink = np.random.default_rng(seed).random((height // 8, width // 4)) < 0.3
    return np.where(np.kron(ink, np.ones((8, 4), bool)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def pages() -> list[Page]:
    """Two full pages and one that is not."""
    text = "The ferry left at 07:45 with 312 crates, id 9f3ac27e. "
    turns = [PlacedTurn(Turn("user", f"{i}: {text * 9}"), f"t{i}", i) for i in range(30)]
    return PageRenderer().paginate(turns)[:3]


# ---- published checkpoints -----------------------------------------------------------------------


def plain_text(model: Any, reader: DeepseekReader, rung: Rung) -> str:
    """The greedy text of the stock class from the picture, on the GPU."""
    decoder: Any = reader.decoder
    prompt = decoder.tokenizer.encode(reader.family.prompts["plain"], add_special_tokens=False).ids
    ids = torch.tensor([[BOS, *[IMAGE] * rung.n_tokens, *prompt]], device="cuda")
    pixels = torch.from_numpy(preprocess([picture(rung, 0)], rung).pages)
    texts = model.to("cuda").generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        pixel_values=pixels.to("cuda"),
        do_sample=False,
        max_new_tokens=N_NEW,
        eos_token_id=1,
        pad_token_id=2,
    )
    model.to("cpu")  # other tests share it
    new_ids = texts[0, ids.shape[1] :].tolist()
    return spell(decoder.tokenizer, new_ids, np.ones(len(new_ids), np.float32))[0]


@pytest.mark.parametrize(
    ("family", "name"),
    [(V1, "tiny"), (V1, "base"), (UNLIMITED, "base"), (V2, "768")],
    ids=lambda value: getattr(value, "id", value),
)
def test_greedy_text_on_a_gpu_is_that_of_plain_transformers_there(
    family: Family, name: str, stock: dict[str, Stock]
) -> None:
    folder, model = stock[family.id]
    reader = DeepseekReader(folder, device="cuda", dtype="float32")
    rung = family.rung(name)
    plain = plain_text(model, reader, rung)
    (tokens,) = reader.encode([picture(rung, 0)], rung)
    guard = Guard(10_000, 10_000)
    task = Task(reader.decoder_input(tokens), family.prompts["plain"], N_NEW, guard)
    (transcript,) = reader.decoder.transcribe([task])
    assert transcript.text == plain
    assert len(set(plain)) > 25  # a decoder that says one word would prove nothing


def test_a_batch_on_a_gpu_gives_the_tokens_of_the_cpu(stock: dict[str, Stock]) -> None:
    folder, _ = stock[V1.id]
    rung = V1.rung("base")
    pictures = [picture(rung, seed) for seed in range(20)]  # more than a pass takes
    on_cpu = DeepseekReader(folder, device="cpu", dtype="float32").encode(pictures[-2:], rung)
    on_gpu = DeepseekReader(folder, device="cuda", dtype="float32").encode(pictures, rung)[-2:]
    for ours, theirs in zip(on_gpu, on_cpu, strict=True):
        error = np.linalg.norm(ours.values - theirs.values) / np.linalg.norm(theirs.values)
        assert error < 1e-3


# ---- pocket --------------------------------------------------------------------------------------


@EVERY_RUNG
def test_pocket_reads_on_a_gpu_as_on_the_cpu(rung: Rung, pages: list[Page]) -> None:
    readers = [PocketReader(device="cpu"), PocketReader(device="cuda")]
    pictures = [PageRenderer().draw(page, rung.side_px) for page in pages]
    layouts = [page.layout for page in pages]
    texts = []
    for writer in readers:
        tokens = writer.encode(pictures, rung)
        for reader in readers:
            texts.append([reading.text for reading in reader.decode(tokens, layouts)])
    assert texts == [texts[0]] * 4
