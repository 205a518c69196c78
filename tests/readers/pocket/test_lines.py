"""pocket reads some lines of a page exactly as it reads them with all others, and those alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from transformers import DynamicCache

from optical_memory.pages import Page, RowBox
from optical_memory.readers.pocket import PocketReader
from optical_memory.readers.pocket.cell_geometry import CellGeometry
from optical_memory.readers.pocket.network import decoder_prefix
from optical_memory.readers.pocket.page_decoder import PageDecoder
from optical_memory.readers.pocket.read_cells import NO_CELLS, read_cells
from optical_memory.readings import UNREAD, Reading
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.tokens import INT8, VisualTokens, unpack
from optical_memory.turns import Turn

PROSE = (
    "The harbour office opened at seven, and by then the ferry had already left twice. Marta kept "
    "the tickets in a tin box under the counter; price 東京, done.\n\nShort line\n"
)
NOISE = 0.15  # of the largest value of a page's tokens: enough that some lines are read twice


@pytest.fixture(scope="module")
def reader() -> PocketReader:
    return PocketReader()


@pytest.fixture(scope="module")
def page() -> Page:
    turns = [PlacedTurn(Turn("user", f"{i}. {PROSE * 2}"), f"t{i}", i) for i in range(12)]
    return PageRenderer().paginate(turns)[0]


@pytest.fixture(scope="module", params=["base", "small", "tiny"])
def tokens(request: pytest.FixtureRequest, reader: PocketReader, page: Page) -> VisualTokens:
    rung = reader.profile.rung(request.param)
    (tokens,) = reader.encode([PageRenderer().draw(page, rung.side_px)], rung)
    blur = np.random.default_rng(0).normal(size=tokens.values.shape).astype(np.float32)
    noise = NOISE * np.abs(tokens.values).max() * blur
    noisy_tokens = VisualTokens(tokens.values + noise, tokens.reader, tokens.revision, tokens.rung)
    return unpack(INT8.pack(noisy_tokens))


def row_slices(page: Page) -> list[slice]:
    """The characters of each row, with its join."""
    ends = np.cumsum([row.chars + len(row.join) for row in page.layout.rows]).tolist()
    return [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def read(
    reader: PocketReader, tokens: VisualTokens, page: Page, lines: list[int] | None
) -> Reading:
    page_lines = None if lines is None else [lines]
    (reading,) = reader.decode([tokens], [page.layout], page_lines)
    return reading


def test_a_line_reads_the_same_alone_in_company_and_with_the_whole_page(
    reader: PocketReader, page: Page, tokens: VisualTokens
) -> None:
    whole = read(reader, tokens, page, None)
    assert 0.5 < (whole.confidence >= 0.9).mean() < 0.999  # some lines are not sure
    slices = row_slices(page)
    n_rows = len(slices)
    for lines in ([0], [n_rows - 1], [3, 4, 5, 6], [60, 2, 31], list(range(0, n_rows, 3))):
        part = read(reader, tokens, page, lines)
        assert len(part.text) == page.layout.n_chars
        for i in lines:
            assert part.text[slices[i]] == whole.text[slices[i]]
            np.testing.assert_allclose(  # another number of lines is another order of sums
                part.confidence[slices[i]], whole.confidence[slices[i]], atol=1e-4
            )


def test_lines_that_nobody_asked_for_are_blank_with_confidence_0(
    reader: PocketReader, page: Page, tokens: VisualTokens
) -> None:
    lines = [1, 40]
    part = read(reader, tokens, page, lines)
    for i, (row, characters) in enumerate(zip(page.layout.rows, row_slices(page), strict=True)):
        if i not in lines:
            assert part.text[characters] == " " * row.chars + row.join
            assert part.confidence[characters].tolist() == [0] * row.chars + [1] * len(row.join)


def test_wide_characters_are_unread_and_empty_lines_empty_if_lines_are_named(
    reader: PocketReader, page: Page, tokens: VisualTokens
) -> None:
    slices = row_slices(page)
    wide = next(i for i, line in enumerate(page.lines) if "東京" in line)
    empty = next(i for i, line in enumerate(page.lines) if not line)
    part = read(reader, tokens, page, [wide, empty])
    assert UNREAD * 2 in part.text[slices[wide]]
    assert part.text[slices[empty]] == "\n"


def test_no_line_at_all_may_be_asked_for(
    reader: PocketReader, page: Page, tokens: VisualTokens
) -> None:
    assert not read(reader, tokens, page, []).text.strip()


def test_each_page_has_its_own_lines(reader: PocketReader, page: Page) -> None:
    rung = reader.profile.rung("tiny")
    other_page = PageRenderer().paginate([PlacedTurn(Turn("user", PROSE), "t", 0)])[0]
    pages = [page, other_page]
    tokens = reader.encode([PageRenderer().draw(p, rung.side_px) for p in pages], rung)
    readings = reader.decode(tokens, [p.layout for p in pages], [[5], [0, 1]])
    for p, reading, lines in zip(pages, readings, [[5], [0, 1]], strict=True):
        slices = row_slices(p)
        inked_lines = [i for i, part in enumerate(slices) if reading.text[part].strip()]
        assert inked_lines == lines


class CountingDecoder(PageDecoder):
    """Notes the rows of every group of lines."""

    groups: list[int]

    def geometry(self, rows: Sequence[RowBox], length: int) -> CellGeometry:
        self.groups.append(len(rows))
        return super().geometry(rows, length)


def test_only_the_lines_that_are_asked_for_go_through_the_decoder(
    reader: PocketReader, page: Page, tokens: VisualTokens
) -> None:
    rung = reader.profile.rung(tokens.rung)
    with torch.inference_mode():
        decoder = CountingDecoder(reader.network, tokens.values, page.layout.grid, rung)
        decoder.groups = []
        rows = read_cells(decoder, page.layout, [7, 9, 7])
    assert decoder.groups == [2]
    assert [i for i, row in enumerate(rows) if row is not NO_CELLS] == [7, 9]


def test_the_keys_and_values_of_the_prefix_are_those_of_the_stock_decoder(
    reader: PocketReader, page: Page, tokens: VisualTokens
) -> None:
    rung = reader.profile.rung(tokens.rung)
    with torch.inference_mode():
        decoder = PageDecoder(reader.network, tokens.values, page.layout.grid, rung)
        prefix = decoder_prefix(decoder.model, decoder.cells, decoder.tokens)
        stock_cache = DynamicCache()
        decoder.hidden_states(prefix, stock_cache)
    (layer,) = decoder.cache_for(1).layers
    (stock_layer,) = stock_cache.layers
    assert torch.equal(layer.keys, stock_layer.keys)
    assert torch.equal(layer.values, stock_layer.values)
