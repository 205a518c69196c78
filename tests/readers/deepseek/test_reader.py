"""A published checkpoint as a memory's reader: writers load the encoder alone, cached pages are
never seen again.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support.scripted_decoder import Scribe, chain, write_scripted
from support.small_checkpoints import Stock

from optical_memory import OpticalMemory, Turn
from optical_memory.pages import Page
from optical_memory.readers.deepseek.families import V1
from optical_memory.readers.deepseek.low_memory import FEW_PATCHES, ChunkedAttention
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.language.tokenizer import ocr_tokenizer
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.renderers.sans_grid import sans_grid
from optical_memory.session.records import put


def many_words(count: int) -> str:
    """Words of which each is one token, and none comes twice."""
    tokenizer, found = ocr_tokenizer(), []
    for id in range(5_000, 60_000):
        word = (tokenizer.id_to_token(id) or "").removeprefix("Ġ")
        if re.fullmatch("[a-z]{4,8}", word) and tokenizer.token_to_id("Ġ" + word) == id:
            found.append(word)
        if len(found) == count:
            break
    return " ".join(found)


TEXT = many_words(760)  # one full page and a part of another, which stays open


TURN = Turn("user", TEXT, id="long")


def first_page() -> Page:
    renderer = PageRenderer(sans_grid(V1.rung(V1.verbatim).side_px, V1.density))
    return renderer.paginate([PlacedTurn(TURN, "long", 0)])[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that reads the first page of `TEXT` right, its lines run together, and says the
    same of others.
    """
    path = tmp_path_factory.mktemp("reciting")
    write_scripted(path, V1, chain(first_page().text.replace("\n", " ").strip()))
    return path


@pytest.fixture
def opened(folder: Path, tmp_path: Path) -> Iterator[Callable[[], OpticalMemory]]:
    """Opens memories of one session, each with a reader of its own, as processes would have."""
    memories: list[OpticalMemory] = []

    def open_one() -> OpticalMemory:
        reader = DeepseekReader(folder, dtype="float32")
        url = f"sqlite:///{tmp_path}/memory.db"
        memories.append(
            OpticalMemory("alice", store=url, reader=reader, keep_turns=0, background=False)
        )
        return memories[-1]

    yield open_one
    for memory in memories:
        memory.close()


def reader_of(memory: OpticalMemory) -> DeepseekReader:
    assert isinstance(memory.reader, DeepseekReader)
    return memory.reader


def test_a_page_goes_the_whole_road(opened: Callable[[], OpticalMemory]) -> None:
    """Text, page, picture, tokens, certificate; the text is dropped, the page fades, and is read
    back from tokens.
    """
    memory, page = opened(), first_page()
    memory.remember([TURN, Turn("assistant", "noted", id="end")])
    memory.flush()
    snapshot = memory._archive.snapshot()
    (first,) = snapshot.pages.values()
    proof = first.get_certificate()
    assert proof is not None
    assert {name: rung.agreement for name, rung in proof.rungs.items()} == {
        "base": 1.0,
        "small": 1.0,
        "tiny": 1.0,
    }
    assert first.lines is None
    memory.fade(capacity=85)
    found = memory.read(first.id)
    assert (found.rung, found.text) == ("tiny", page.text)
    assert found.share("original", "verified") == 1.0


def test_a_writer_never_loads_the_decoder(opened: Callable[[], OpticalMemory]) -> None:
    memory = opened()
    memory.remember([TURN, Turn("assistant", "noted", id="end")])
    assert memory.seal()
    snapshot = memory._archive.snapshot()
    record = next(iter(snapshot.pages.values()))
    for rung in memory.reader.profile.ladder:
        memory._cache.tokens([record], rung)
    assert "decoder" not in reader_of(memory).__dict__


def test_a_reader_of_cached_pages_never_loads_the_encoder(
    opened: Callable[[], OpticalMemory],
) -> None:
    writer = opened()
    writer.remember([TURN, Turn("assistant", "noted", id="end")])
    writer.flush()
    name = next(iter(writer._archive.snapshot().pages))
    reading = opened()
    assert reading.read(name).text == first_page().text
    assert "encoder" not in reader_of(reading).__dict__


def test_lost_tokens_change_nothing_but_speed(opened: Callable[[], OpticalMemory]) -> None:
    memory = opened()
    memory.remember([TURN, Turn("assistant", "noted", id="end")])
    memory.flush()
    name = next(iter(memory._archive.snapshot().pages))
    before = memory.read(name)
    memory.store.drop_blobs("alice")
    assert memory.read(name) == before


def test_a_page_that_is_read_wrongly_keeps_its_text_and_its_exact_facts(
    opened: Callable[[], OpticalMemory],
) -> None:
    """The checkpoint says of this page what stands on the other one."""
    memory, words = opened(), TEXT.split()
    text = " ".join([*words[300:340], "see ticket AB-4711-0815", *words[340:], *words[:100]])
    memory.remember([Turn("user", text, id="long"), Turn("assistant", "noted", id="end")])
    memory.flush()
    (record,) = memory._archive.snapshot().pages.values()
    assert record.lines is not None
    memory._archive.update(lambda s: [put(s.pages[record.id].model_copy(update={"lines": None}))])
    found = memory.read(record.id)
    certain = " ".join(
        found.text[span.start : span.end] for span in found.spans if span.status == "original"
    )
    assert "AB-4711-0815" in certain
    assert found.share("original", "verified") < 0.2


def test_what_is_forgotten_on_a_page_moves_nothing_else(
    stock: dict[str, Stock], tmp_path: Path
) -> None:
    """A free text has no places: a reader must not look for a turn whose rows are white now."""
    words = [
        "".join(letters) for letters in itertools.product("nuh", repeat=5)
    ]  # rows of like lengths: no help there
    turns = [Turn("user", " ".join(words[n * 15 : n * 15 + 60]), id=f"turn{n}") for n in range(12)]
    scribe = Scribe()
    reader = DeepseekReader(stock[V1.id][0], dtype="float32", decoder=scribe)
    memory = OpticalMemory(
        "alice", store=f"sqlite:///{tmp_path}/m.db", reader=reader, keep_turns=0, background=False
    )
    placed = [PlacedTurn(turn, str(turn.id), n) for n, turn in enumerate(turns)]
    page = memory._renderer.paginate(placed)[0]
    scribe.text = page.text
    memory.remember(turns)
    memory.flush()
    record = next(iter(memory._archive.snapshot().pages.values()))
    assert record.lines is None
    gone = page.layout.spans[1:-2]
    for span in gone:
        memory.forget(turn=span.turn)
    first, last = gone[0].start, gone[-1].end
    scribe.text = page.text[:first] + page.text[last:]
    found = memory.read(record.id)
    memory.close()
    assert len(scribe.text) < 0.45 * len(page.text)
    assert found.text[:first] == page.text[:first]
    assert found.text[first:last].strip() == ""
    assert found.text[last:] == page.text[last:]


# ---- the same numbers, with less -----------------------------------------------------------------


def test_weights_kept_in_bfloat16_give_the_tokens_of_float32(folder: Path, tmp_path: Path) -> None:
    half = {key: value.bfloat16() for key, value in load_file(folder / "model.safetensors").items()}
    save_file(half, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    page, rung = first_page(), V1.rung("base")
    image = PageRenderer(page.layout.grid).draw(page, rung.side_px)
    kept, whole = (
        DeepseekReader(tmp_path, dtype=d).encode([image], rung)[0] for d in ("bfloat16", "float32")
    )
    assert np.array_equal(kept.values, whole.values)


@pytest.mark.parametrize("side", [48, 64])
def test_attention_in_pieces_is_the_stock_attention(side: int, stock: dict[str, Stock]) -> None:
    _, model = stock[V1.id]
    tower: Any = model
    attention = tower.model.vision_tower.sam_encoder.layers[1].attn
    seen = torch.randn(2, side, side, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole, pieces = attention(seen)[0], ChunkedAttention(attention)(seen)[0]
    assert side * side > FEW_PATCHES
    assert (whole - pieces).abs().max() <= 1e-5 * whole.abs().max()
