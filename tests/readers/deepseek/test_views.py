"""Pictures as the encoder sees them, tokens with and without the model's constants, and ladders."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from support.readers.small_checkpoints import Stock

from optical_memory.errors import ReaderMismatch
from optical_memory.profiles import Rung
from optical_memory.readers.deepseek.constants import with_constants, without_constants
from optical_memory.readers.deepseek.families import V1, V2
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.deepseek.views import preprocess
from optical_memory.renderers.sans_grid import prose_chars
from optical_memory.tokens import INT8, VisualTokens, unpack


def picture(rung: Rung) -> npt.NDArray[np.uint8]:
    """Strokes on white: something like a page."""
    width, height = rung.size_px
    ink = np.random.default_rng(0).random((height // 8, width // 4)) < 0.3
    return np.where(np.kron(ink, np.ones((8, 4), bool)), 0, 255).astype(np.uint8)


# ---- pictures ------------------------------------------------------------------------------------


def test_a_native_page_is_seen_without_resampling() -> None:
    rung = Rung("tiny", 512)
    pixels = preprocess([picture(rung)], rung)
    assert pixels.pages.shape == (1, 3, 512, 512)
    assert sorted(np.unique(pixels.pages)) == [-1.0, 1.0]
    assert pixels.tiles is None


def test_a_mosaic_is_cut_into_tiles_and_shown_whole_on_grey() -> None:
    rung = V1.rung("gundam-2x3")
    page = picture(rung)
    pixels = preprocess([page], rung)
    assert page.shape == (1920, 1280)
    assert pixels.tiles is not None
    assert (pixels.tiles.shape, pixels.pages.shape) == ((6, 3, 640, 640), (1, 3, 1024, 1024))
    tile = (page[640:1280, 640:] / 127.5 - 1).astype(np.float32)
    assert np.array_equal(pixels.tiles[3, 0], tile)
    grey = np.float32((127 / 255 - 0.5) / 0.5)
    assert np.allclose(pixels.pages[0, :, :, 0], grey)
    assert not np.allclose(pixels.pages[0, :, 0, 512], grey)


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ReaderMismatch, match="tiny pages are 512 x 512 px, this one is"):
        preprocess([np.full((512, 640), 255, np.uint8)], Rung("tiny", 512))


# ---- constants -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rung", [*V1.rungs, *V2.rungs, V1.extra_rungs[0]], ids=lambda rung: rung.name
)
def test_what_is_taken_off_is_put_back(rung: Rung) -> None:
    views = rung.views
    rng = np.random.default_rng(0)
    newline = rng.normal(size=4).astype(np.float32) if views.newlines else None
    separator = rng.normal(size=4).astype(np.float32)
    grid = rng.normal(size=(views.n_grid_tokens, 4)).astype(np.float32)
    tokens = with_constants(grid, views, newline, separator)
    assert len(tokens) == views.n_tokens
    assert np.array_equal(without_constants(tokens, views), grid)


def test_another_number_of_tokens_is_refused() -> None:
    views = Rung("tiny", 512).views
    with pytest.raises(ReaderMismatch, match="64 stored tokens were expected, not 63"):
        with_constants(np.zeros((63, 4), np.float32), views, None, None)
    with pytest.raises(ReaderMismatch, match=r"73 tokens were expected .* the model gave 64"):
        without_constants(np.zeros((64, 4), np.float32), views)


def test_tokens_of_another_checkpoint_are_refused(stock: dict[str, Stock]) -> None:
    reader = DeepseekReader(stock[V1.id][0])
    profile = reader.profile
    values = np.zeros((64, 64), np.float32)
    with pytest.raises(ReaderMismatch, match="other@1"):
        reader.decoder_input(VisualTokens(values, "other", "1", "tiny"))
    with pytest.raises(ReaderMismatch, match="no rung 'huge'"):
        reader.decoder_input(VisualTokens(values, profile.id, profile.revision, "huge"))


def test_what_the_codec_gives_back_is_what_is_read(stock: dict[str, Stock]) -> None:
    reader = DeepseekReader(stock[V1.id][0], dtype="float32")
    rung = V1.rung("tiny")
    (tokens,) = reader.encode([picture(rung)], rung)
    tokens = unpack(INT8.pack(tokens))
    grid = without_constants(reader.decoder_input(tokens), rung.views)
    assert np.array_equal(grid, tokens.values)


# ---- the ladder ----------------------------------------------------------------------------------


def test_pages_are_laid_out_so_that_the_last_rung_is_still_read_well(
    stock: dict[str, Stock],
) -> None:
    profile = DeepseekReader(stock[V1.id][0]).profile
    density = profile.ladder[-1].side_px ** 2 / prose_chars(profile.grid)
    accuracy = profile.expected(density)
    assert 84 <= density <= 90
    assert accuracy is not None
    assert accuracy > 0.98
    assert profile.expected(65.0) == pytest.approx(0.960)
    assert profile.expected(60.0) == pytest.approx((0.810 + 0.960) / 2)
    assert profile.expected(1000.0) == 0.997
    assert profile.expected(20.0) is None


def test_a_ladder_goes_down(stock: dict[str, Stock]) -> None:
    folder, _ = stock[V1.id]
    profile = DeepseekReader(folder, ladder=("gundam-2x2", "tiny")).profile
    assert [rung.name for rung in profile.ladder] == ["gundam-2x2", "tiny"]
    with pytest.raises(ReaderMismatch, match="from more tokens to fewer"):
        DeepseekReader(folder, ladder=("tiny", "base"))
    with pytest.raises(ReaderMismatch, match="no rung 'gundam'"):
        DeepseekReader(folder, ladder=("gundam",))
    with pytest.raises(ReaderMismatch, match="gundam-2x3 is not square"):
        DeepseekReader(folder, ladder=("gundam-2x3", "base"))
    assert [rung.name for rung in DeepseekReader(folder, ladder="tiny").profile.ladder] == ["tiny"]
