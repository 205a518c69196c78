"""pocket: the bundled checkpoint sees pages, and reads them back from cached tokens without looking
again.
"""

from __future__ import annotations

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from optical_memory.certificate import certify_reading
from optical_memory.errors import CheckpointError, ReaderMismatch
from optical_memory.ledger import extract, splice
from optical_memory.measure.accuracy import accuracy
from optical_memory.pages import Grid, Page
from optical_memory.profiles import V1_LADDER
from optical_memory.readers import open_reader
from optical_memory.readers.checkpoints import strict_load as checkpoint
from optical_memory.readers.pocket.network import chars_to_ids
from optical_memory.readers.pocket.read_cells import (
    LINES_AT_ONCE,
    PageEyes,
    read_cells,
    read_plainly,
)
from optical_memory.readers.pocket.reader import CALIBRATION, CHECKPOINT, PocketReader
from optical_memory.readings import Reading
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.tokens import INT4, INT8, VisualTokens, unpack
from optical_memory.turns import Turn

PROSE = (
    "The harbour office opened at seven, and by then the ferry had already left twice. Marta kept the tickets in a tin "
    "box under the counter; each had a number, a date and a name on it, and none of them was ever thrown away. "
)


@pytest.fixture(scope="module")
def reader() -> PocketReader:
    return PocketReader()


@pytest.fixture(scope="module")
def page() -> Page:
    turns = [PlacedTurn(Turn("user", f"{i}. {PROSE * 2}"), f"t{i}", i) for i in range(16)]
    return PageRenderer().paginate(turns)[0]


@pytest.fixture(scope="module", params=["base", "small", "tiny"])
def tokens(request: pytest.FixtureRequest, reader: PocketReader, page: Page) -> VisualTokens:
    rung = reader.profile.rung(request.param)
    return reader.encode([PageRenderer().draw(page, rung.side_px)], rung)[0]


def _read(reader: PocketReader, page: Page, rung: str) -> Reading:
    step = reader.profile.rung(rung)
    return reader.decode(
        reader.encode([PageRenderer().draw(page, step.side_px)], step), [page.layout]
    )[0]


def test_a_page_becomes_as_many_tokens_as_the_rung_says(
    reader: PocketReader, tokens: VisualTokens
) -> None:
    assert tokens.values.shape == (reader.profile.rung(tokens.rung).n_grid_tokens, 576)
    assert tokens.values.dtype == np.float32


@pytest.mark.parametrize("codec", [INT8, INT4], ids=lambda codec: codec.name)
def test_cached_tokens_read_like_the_picture_and_the_vision_tower_rests(
    reader: PocketReader, page: Page, tokens: VisualTokens, codec
) -> None:
    rung = reader.profile.rung(tokens.rung)
    calls: list[str] = []
    hook = reader._network.model.model.vision_tower.register_forward_hook(
        lambda *_: calls.append("look")
    )
    blob = codec.pack(tokens)
    from_cache = reader.decode([unpack(blob)], [page.layout])[0]
    assert calls == []
    seen_again = reader.encode([PageRenderer().draw(page, rung.side_px)], rung)[0]
    assert calls == ["look"]
    hook.remove()
    from_picture = reader.decode([unpack(codec.pack(seen_again))], [page.layout])[0]
    assert from_cache.text == from_picture.text
    assert np.array_equal(from_cache.confidence, from_picture.confidence)


def test_the_tokens_are_those_of_the_stock_class(reader: PocketReader, page: Page) -> None:
    rung = reader.profile.rung("tiny")
    image = PageRenderer().draw(page, rung.side_px)
    pixels = -(torch.from_numpy(image).float() / 127.5 - 1)[None, None].expand(
        1, 3, -1, -1
    )  # seen as a negative
    with torch.inference_mode():
        stock = reader._network.model.get_image_features(pixels).pooler_output[0]
    assert len(stock) == rung.n_tokens == 73
    grid = stock[:-1].view(8, 9, -1)[:, :8].reshape(64, -1)
    assert np.array_equal(reader.encode([image], rung)[0].values, grid.numpy())


def test_a_reading_has_one_character_and_one_confidence_for_each_of_the_page(
    reader: PocketReader, page: Page, tokens: VisualTokens
) -> None:
    reading = reader.decode([tokens], [page.layout])[0]
    assert len(reading.text) == len(reading.confidence) == len(page.text)
    assert ((reading.confidence >= 0) & (reading.confidence <= 1)).all()


def test_a_page_reads_the_same_alone_and_in_company(reader: PocketReader, page: Page) -> None:
    rung = reader.profile.rung("tiny")
    other = PageRenderer().paginate([PlacedTurn(Turn("user", "short"), "t", 0)])[0]
    images = [PageRenderer().draw(p, rung.side_px) for p in (page, other)]
    both = reader.encode(images, rung)
    alone = reader.encode(images[:1], rung)[0]
    assert INT8.pack(alone) == INT8.pack(both[0])
    together = reader.decode(both, [page.layout, other.layout])
    assert together[0].text == reader.decode([both[0]], [page.layout])[0].text
    assert together[1].text == reader.decode([both[1]], [other.layout])[0].text


def test_certifying_reads_exactly_what_decoding_reads(
    reader: PocketReader, page: Page, tokens: VisualTokens
) -> None:
    assert (
        reader.certify([tokens], [page])[0].text == reader.decode([tokens], [page.layout])[0].text
    )


@pytest.mark.parametrize(("rung", "least"), [("base", 0.999), ("small", 0.995), ("tiny", 0.99)])
def test_every_rung_is_read(reader: PocketReader, page: Page, rung: str, least: float) -> None:
    assert accuracy(page.text, _read(reader, page, rung).text) >= least


@pytest.mark.parametrize(
    "text",
    [
        "Στὸ λιμάνι, 7 Μαΐου: ΑΒΓ αβγ",
        "Порт открыт в семь; А, В, С, ёж, Київ",
        "Café, Müßig, señor, Ångström",
    ],
)
def test_letters_beyond_english_are_read_and_others_are_kept_as_text(
    reader: PocketReader, text: str
) -> None:
    page = PageRenderer().paginate([PlacedTurn(Turn("user", " ".join([text] * 20)), "t", 0)])[0]
    reading = _read(reader, page, "base")
    right = [
        a == b for a, b in zip(page.text, reading.text, strict=True) if a in reader.profile.charset
    ]
    assert sum(right) / len(right) >= 0.99
    recalled = splice(reading.text, extract(page.text, charset=reader.profile.charset))
    wrong = {a for a, b in zip(page.text, recalled, strict=True) if a != b}
    assert wrong <= reader.profile.charset


@pytest.mark.parametrize(("rung", "noise"), [("base", 0.25), ("tiny", 0.1)])
def test_the_fast_path_reads_as_well_as_plain_left_to_right_decoding(
    reader: PocketReader, page: Page, rung: str, noise: float
) -> None:
    step, network = reader.profile.rung(rung), reader._network
    tokens = reader.encode([PageRenderer().draw(page, step.side_px)], step)[0].values
    blur = np.random.default_rng(0).normal(size=tokens.shape).astype(np.float32)
    blurred = (
        tokens + noise * np.abs(tokens).max() * blur
    )  # much more than a codec does, so that it is not always sure
    passes: list[int] = []
    with torch.inference_mode():
        eyes = PageEyes(
            network.model, network.cells, blurred, page.layout, step.side_px, network.mixes[rung]
        )
        read = eyes.read
        eyes.read = lambda where, lines, previous: (
            passes.append(lines) or read(where, lines, previous)
        )  # type: ignore
        fast, plain = (
            read_cells(eyes, page.layout),
            read_plainly(eyes, page.layout, lines_at_once=32),
        )
    truth = [chars_to_ids(np.array([ord(char) for char in line])) for line in page.lines]
    ours, oracle, true = (
        np.concatenate(ids) for ids in ([a for a, _ in fast], [a for a, _ in plain], truth)
    )
    assert (ours == true).mean() >= (oracle == true).mean() - 0.001
    assert (ours == oracle).mean() >= 0.999
    assert 0.5 < (oracle == true).mean() < 1  # there is something to compare
    assert len(passes) > np.ceil(
        len(page.layout.rows) / LINES_AT_ONCE
    )  # and something was read again


def test_a_blank_picture_reads_as_none_of_the_text_that_its_layout_had(
    reader: PocketReader, page: Page
) -> None:
    rung = reader.profile.rung("tiny")
    tokens = reader.encode([np.full((rung.side_px, rung.side_px), 255, np.uint8)], rung)
    reading = reader.decode(tokens, [page.layout])[0]
    assert certify_reading(rung.name, page.text, reading).agreement == 0


def test_a_page_of_another_grid_is_refused(reader: PocketReader) -> None:
    grid = Grid(80, 80)
    page = PageRenderer(grid).paginate([PlacedTurn(Turn("user", PROSE), "t", 0)])[0]
    rung = reader.profile.rung("base")
    tokens = reader.encode([PageRenderer(grid).draw(page, rung.side_px)], rung)

    with pytest.raises(ReaderMismatch, match="80 x 80"):
        reader.decode(tokens, [page.layout])


def test_characters_that_pocket_cannot_read_are_said_to_be_unread(reader: PocketReader) -> None:
    page = PageRenderer().paginate([PlacedTurn(Turn("user", "price 東京 done"), "t", 0)])[0]
    rung = reader.profile.rung("base")
    tokens = reader.encode([PageRenderer().draw(page, rung.side_px)], rung)
    reading = reader.decode(tokens, [page.layout])[0]
    at = page.text.index("東京")
    assert reading.text[at : at + 2] == "\ufffd\ufffd"
    assert not reading.confidence[at : at + 2].any()


# ---- the loader ----------------------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(CHECKPOINT, tmp_path / "pocket")


def _load(folder: Path) -> None:
    PocketReader(folder)._network  # noqa: B018  # loads


@pytest.mark.parametrize("file", ["model.safetensors", "cells.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "unexpected", "mismatched"])
def test_a_checkpoint_with_a_wrong_key_is_refused(copy: Path, file: str, damage: str) -> None:
    state = load_file(copy / file)
    key = next(k for k in sorted(state) if state[k].ndim == 2)
    if damage == "missing":
        del state[key]
    elif damage == "unexpected":
        state["model.not_ours"] = torch.zeros(2)
    else:
        state[key] = torch.zeros(3, 3)
    save_file(state, copy / file, metadata={"format": "pt"})

    with pytest.raises(CheckpointError):
        _load(copy)


def test_a_truncated_checkpoint_is_refused(copy: Path) -> None:
    data = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(data[: len(data) // 2])

    with pytest.raises(CheckpointError):
        _load(copy)


@pytest.mark.parametrize("content", [None, "[]", "{", "{}", '{"base": {"decoder": "x"}}'])
def test_a_checkpoint_that_does_not_say_how_to_weigh_its_readings_is_refused(
    copy: Path, content: str | None
) -> None:
    (copy / CALIBRATION).unlink()
    if content is not None:
        (copy / CALIBRATION).write_text(content)

    with pytest.raises(CheckpointError):
        _load(copy)


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no reader"):
        open_reader(str(tmp_path))


def test_a_rung_that_pocket_has_not_is_refused() -> None:
    with pytest.raises(ReaderMismatch, match="large"):
        PocketReader(ladder=V1_LADDER)


def test_the_weights_load_once_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[Path] = []
    monkeypatch.setattr(checkpoint, "load_module", lambda module, file: loads.append(file))
    reader = PocketReader()
    with ThreadPoolExecutor(4) as pool:
        networks = list(pool.map(lambda _: reader._network, range(4)))
    assert len(loads) == 1
    assert all(network is networks[0] for network in networks)


def test_the_model_card_has_no_gaps_and_counts_right(reader: PocketReader) -> None:
    card, network = (CHECKPOINT / "README.md").read_text(), reader._network
    count = sum(p.numel() for p in (*network.model.parameters(), *network.cells.parameters()))
    assert f"{count / 1e6:.1f} M" in card
    assert not re.search(r"\b[A-Z]{6,}\b", card)


def test_tokens_of_another_revision_are_refused(reader: PocketReader, page: Page) -> None:
    tokens = VisualTokens(np.zeros((64, 576), np.float32), "pocket", "another", "tiny")

    with pytest.raises(ReaderMismatch, match="another"):
        reader.decode([tokens], [page.layout])


def test_the_checkpoint_is_small_enough_for_the_wheel() -> None:
    assert sum(file.stat().st_size for file in CHECKPOINT.iterdir()) <= 40_000_000
