"""pocket: the bundled checkpoint sees pages, and reads them back from cached tokens without looking
again.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from optical_memory.certificate import certify_reading
from optical_memory.errors import ReaderMismatch
from optical_memory.ledger import splice
from optical_memory.measure.accuracy import accuracy
from optical_memory.measure.cut_pages import first_rows
from optical_memory.pages import Grid, Page
from optical_memory.profiles import V1_LADDER
from optical_memory.readers.pocket import PocketReader
from optical_memory.readers.pocket.cell_geometry import CellGeometry
from optical_memory.readers.pocket.page_decoder import PageDecoder
from optical_memory.readers.pocket.read_cells import LINES_AT_ONCE, RowReading, read_cells
from optical_memory.readers.pocket.read_plainly import read_plainly
from optical_memory.readers.pocket.token_ids import chars_to_ids
from optical_memory.readings import Reading
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.session.facts.page_ledger import page_ledger
from optical_memory.tokens import INT4, INT8, TokenCodec, VisualTokens, unpack
from optical_memory.turns import Turn

PROSE = (
    "The harbour office opened at seven, and by then the ferry had already left twice. Marta kept "
    "the tickets in a tin box under the counter; each had a number, a date and a name on it, and "
    "none of them was ever thrown away. "
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
    return _tokens_of(reader, page, request.param)


@pytest.fixture(scope="module")
def reading(reader: PocketReader, page: Page, tokens: VisualTokens) -> Reading:
    """What is read from `tokens`."""
    return reader.decode([tokens], [page.layout])[0]


@pytest.fixture(scope="module")
def part(page: Page) -> Page:
    """The first third of the page."""
    return first_rows(page, len(page.layout.rows) // 3)


def _tokens_of(reader: PocketReader, page: Page, rung_name: str) -> VisualTokens:
    rung = reader.profile.rung(rung_name)
    return reader.encode([PageRenderer().draw(page, rung.side_px)], rung)[0]


def _read(reader: PocketReader, page: Page, rung_name: str) -> Reading:
    return reader.decode([_tokens_of(reader, page, rung_name)], [page.layout])[0]


def test_a_page_becomes_as_many_tokens_as_the_rung_says(
    reader: PocketReader, tokens: VisualTokens
) -> None:
    assert tokens.values.shape == (reader.profile.rung(tokens.rung).n_grid_tokens, 576)
    assert tokens.values.dtype == np.float32


@pytest.mark.parametrize("codec", [INT8, INT4], ids=lambda codec: codec.name)
def test_cached_tokens_read_like_the_picture_and_the_vision_tower_rests(
    reader: PocketReader, page: Page, tokens: VisualTokens, codec: TokenCodec
) -> None:
    calls: list[str] = []
    vision_tower = reader.network.model.model.vision_tower
    hook = vision_tower.register_forward_hook(lambda *_: calls.append("encode"))
    blob = codec.pack(tokens)
    from_cache = reader.decode([unpack(blob)], [page.layout])[0]
    assert calls == []
    second_tokens = _tokens_of(reader, page, tokens.rung)
    assert calls == ["encode"]
    hook.remove()
    from_picture = reader.decode([unpack(codec.pack(second_tokens))], [page.layout])[0]
    assert from_cache.text == from_picture.text
    assert np.array_equal(from_cache.confidence, from_picture.confidence)


def test_the_tokens_are_those_of_the_stock_class(reader: PocketReader, page: Page) -> None:
    rung = reader.profile.rung("tiny")
    image = PageRenderer().draw(page, rung.side_px)
    negative = 1 - torch.from_numpy(image).float() / 127.5
    pixels = negative[None, None].expand(1, 3, -1, -1)
    with torch.inference_mode():
        stock = reader.network.model.get_image_features(pixels).pooler_output[0]
    assert len(stock) == rung.n_tokens == 73
    grid = stock[:-1].view(8, 9, -1)[:, :8].reshape(64, -1)
    assert np.array_equal(reader.encode([image], rung)[0].values, grid.numpy())


def test_a_reading_has_one_character_and_one_confidence_for_each_of_the_page(
    page: Page, reading: Reading
) -> None:
    assert len(reading.text) == len(reading.confidence) == len(page.text)
    assert ((reading.confidence >= 0) & (reading.confidence <= 1)).all()


def test_a_page_reads_the_same_alone_and_in_company(reader: PocketReader, page: Page) -> None:
    rung = reader.profile.rung("tiny")
    short_page = PageRenderer().paginate([PlacedTurn(Turn("user", "short"), "t", 0)])[0]
    images = [PageRenderer().draw(p, rung.side_px) for p in (page, short_page)]
    tokens = reader.encode(images, rung)
    alone = reader.encode(images[:1], rung)[0]
    assert INT8.pack(alone) == INT8.pack(tokens[0])
    layouts = [page.layout, short_page.layout]
    readings = reader.decode(tokens, layouts)
    assert readings[0].text == reader.decode(tokens[:1], layouts[:1])[0].text
    assert readings[1].text == reader.decode(tokens[1:], layouts[1:])[0].text


def test_certifying_reads_exactly_what_decoding_reads(
    reader: PocketReader, page: Page, tokens: VisualTokens, reading: Reading
) -> None:
    assert reader.certify([tokens], [page])[0].text == reading.text


def test_every_rung_is_read(page: Page, tokens: VisualTokens, reading: Reading) -> None:
    min_accuracy = {"base": 0.999, "small": 0.995, "tiny": 0.99}[tokens.rung]
    assert accuracy(page.text, reading.text) >= min_accuracy


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
    charset = reader.profile.charset
    assert charset is not None
    is_right = [a == b for a, b in zip(page.text, reading.text, strict=True) if a in charset]
    assert sum(is_right) / len(is_right) >= 0.99
    unreadable = page_ledger(page, {}, reader.profile)  # no reading says what else is wrong
    spliced_text = splice(reading.text, unreadable)
    wrong_chars = {a for a, b in zip(page.text, spliced_text, strict=True) if a != b}
    assert wrong_chars <= charset
    assert splice(reading.text, page_ledger(page, {"base": reading}, reader.profile)) == page.text


class CountingDecoder(PageDecoder):
    """Notes the number of lines of every pass over the page."""

    passes: list[int]

    def logits(self, geometry: CellGeometry, previous: torch.Tensor) -> torch.Tensor:
        self.passes.append(len(previous))
        return super().logits(geometry, previous)


def _ids(rows: list[RowReading]) -> np.ndarray:
    return np.concatenate([row.ids for row in rows])


@pytest.mark.parametrize(("rung_name", "noise"), [("base", 0.25), ("tiny", 0.1)])
def test_the_fast_path_reads_as_well_as_plain_left_to_right_decoding(
    reader: PocketReader, part: Page, rung_name: str, noise: float
) -> None:
    values = _tokens_of(reader, part, rung_name).values
    blur = np.random.default_rng(0).normal(size=values.shape).astype(np.float32)
    noisy_values = (
        values + noise * np.abs(values).max() * blur
    )  # far more than a codec: it gets unsure
    with torch.inference_mode():
        rung = reader.profile.rung(rung_name)
        decoder = CountingDecoder(reader.network, noisy_values, part.layout.grid, rung)
        decoder.passes = []
        fast = _ids(read_cells(decoder, part.layout))
        plain = _ids(read_plainly(decoder, part.layout, lines_at_once=32))
    truth = chars_to_ids(np.array([ord(char) for char in "".join(part.lines)]))
    assert (fast == truth).mean() >= (plain == truth).mean() - 0.001
    assert (fast == plain).mean() >= 0.999
    assert 0.5 < (plain == truth).mean() < 1  # there is something to compare
    n_groups = np.ceil(len(part.layout.rows) / LINES_AT_ONCE)
    assert len(decoder.passes) > n_groups  # and something was read again


def test_a_page_reads_the_same_with_one_thread_and_with_two(
    reader: PocketReader, page: Page, tokens: VisualTokens
) -> None:
    n_threads = torch.get_num_threads()
    readings: list[Reading] = []
    try:
        for n in (1, 2):
            torch.set_num_threads(n)
            readings.append(reader.decode([tokens], [page.layout])[0])
    finally:
        torch.set_num_threads(n_threads)
    first, second = readings
    assert first.text == second.text
    assert np.allclose(first.confidence, second.confidence, atol=1e-5)


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
    offset = page.text.index("東京")
    assert reading.text[offset : offset + 2] == "\ufffd\ufffd"
    assert not reading.confidence[offset : offset + 2].any()


def test_tokens_of_another_revision_are_refused(reader: PocketReader, page: Page) -> None:
    tokens = VisualTokens(np.zeros((64, 576), np.float32), "pocket", "another", "tiny")

    with pytest.raises(ReaderMismatch, match="another"):
        reader.decode([tokens], [page.layout])


def test_tokens_of_another_size_are_refused(reader: PocketReader, page: Page) -> None:
    profile = reader.profile
    tokens = VisualTokens(np.zeros((64, 99), np.float32), "pocket", profile.revision, "tiny")

    with pytest.raises(ReaderMismatch, match=r"\(64, 576\) tokens, not \(64, 99\)"):
        reader.decode([tokens], [page.layout])


def test_a_picture_of_another_size_is_refused(reader: PocketReader) -> None:
    with pytest.raises(ReaderMismatch, match="512 px square"):
        reader.encode([np.zeros((640, 640), np.uint8)], reader.profile.rung("tiny"))


def test_a_rung_that_pocket_has_not_is_refused() -> None:
    with pytest.raises(ReaderMismatch, match="large"):
        PocketReader(ladder=V1_LADDER)
