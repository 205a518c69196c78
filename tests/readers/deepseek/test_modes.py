"""Every mode of every family: tokens counted as the model counts them, and the same numbers as
plain transformers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.small_checkpoints import Stock
from transformers import PreTrainedModel

from optical_memory.errors import ReaderMismatch
from optical_memory.profiles import Rung
from optical_memory.readers.deepseek.families import UNLIMITED, V1, V2, Family
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.deepseek.views import dressed, look, stripped
from optical_memory.readers.language.decoder import Guard, Task
from optical_memory.readers.language.tokenizer import BOS, IMAGE
from optical_memory.renderers.sans_grid import prose_chars
from optical_memory.tokens import INT8, VisualTokens, unpack

COUNTS = [
    *((V1, "tiny", 73), (V1, "small", 111), (V1, "base", 273), (V1, "large", 421)),
    *(
        (V1, "gundam-2x2", 693),
        (V1, "gundam-2x3", 903),
        (V1, "gundam-3x3", 1203),
        (V1, "gundam-master-2x2", 1477),
    ),
    *((UNLIMITED, "base", 273), (UNLIMITED, "gundam-2x2", 693), (UNLIMITED, "gundam-4x8", 3553)),
    *(
        (V2, "768", 145),
        (V2, "1024", 257),
        (V2, "tiles-2x1", 545),
        (V2, "tiles-3x1", 689),
        (V2, "tiles-2x2", 833),
    ),
    *((V2, "tiles-5x1", 977), (V2, "tiles-3x2", 1121)),
]
EVERY_MODE = pytest.mark.parametrize(
    ("family", "name", "tokens"), COUNTS, ids=lambda value: getattr(value, "id", str(value))
)
NO_GUARD = Guard(10_000, 10_000)


def picture(rung: Rung, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Strokes on white: something like a page."""
    width, height = rung.size_px
    ink = np.random.default_rng(seed).random((height // 8, width // 4)) < 0.3
    return np.where(np.kron(ink, np.ones((8, 4), bool)), 0, 255).astype(np.uint8)


def plainly(
    model: PreTrainedModel, family: Family, rung: Rung, prompt: list[int]
) -> dict[str, Any]:
    """The inputs of plain transformers for one picture: pixels and placeholders."""
    seen, views = look([picture(rung)], rung), rung.views
    ids = torch.tensor([[BOS, *[IMAGE] * views.n_tokens, *prompt]])
    inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    inputs["pixel_values"] = torch.from_numpy(seen.pages)
    if seen.tiles is not None:
        inputs |= {
            "pixel_values_local": torch.from_numpy(seen.tiles),
            "num_local_patches": [views.tiles],
        }
        inputs |= {"patches_grid": [[views.across, views.down]]} if views.newlines else {}
    return inputs


@EVERY_MODE
def test_a_mode_costs_what_the_decoder_receives(family: Family, name: str, tokens: int) -> None:
    assert family.rung(name).n_tokens == tokens


@EVERY_MODE
def test_cached_tokens_give_the_logits_of_plain_transformers(
    family: Family, name: str, tokens: int, stock: dict[str, Stock]
) -> None:
    folder, model = stock[family.id]
    reader, rung = DeepseekReader(folder, dtype="float32"), family.rung(name)
    prompt = (
        reader._local_decoder()
        .tokenizer.encode(family.prompts["plain"], add_special_tokens=False)
        .ids
    )
    (cached,) = reader.encode([picture(rung)], rung)
    task = Task(reader._received(cached), family.prompts["plain"], 1, NO_GUARD)
    assert len(task.tokens) == tokens
    decoder: Any = reader.decoder
    with torch.no_grad():
        plain = model(**plainly(model, family, rung, prompt)).logits[0, -len(prompt) :]
        ours = decoder.model(inputs_embeds=decoder.embeds(task)).logits[0, -len(prompt) :]
    assert (ours - plain).abs().max() <= 1e-5
    assert plain.std() > 0.1


@pytest.mark.parametrize(
    ("family", "name"),
    [(V1, "tiny"), (V1, "gundam-2x2"), (UNLIMITED, "base"), (V2, "768"), (V2, "1024")],
    ids=lambda value: getattr(value, "id", value),
)
def test_greedy_text_is_that_of_plain_transformers_for_300_tokens(
    family: Family, name: str, stock: dict[str, Stock]
) -> None:
    folder, model = stock[family.id]
    reader, rung = DeepseekReader(folder, dtype="float32"), family.rung(name)
    decoder: Any = reader.decoder
    prompt = decoder.tokenizer.encode(family.prompts["plain"], add_special_tokens=False).ids
    inputs = plainly(model, family, rung, prompt)
    untyped: Any = model
    with torch.no_grad():
        plain = untyped.generate(
            **inputs, do_sample=False, max_new_tokens=300, eos_token_id=1, pad_token_id=2
        )
    expected = plain[0, inputs["input_ids"].shape[1] :].tolist()
    (tokens,) = reader.encode([picture(rung)], rung)
    (found,) = decoder.transcribe(
        [Task(reader._received(tokens), family.prompts["plain"], 300, NO_GUARD)]
    )
    assert len(expected) == 300
    assert len(set(expected)) > 25  # a decoder that says one word would prove nothing
    assert found.text == "".join(_text(decoder, expected))


def _text(decoder: Any, ids: list[int]) -> str:
    from optical_memory.readers.language.tokenizer import spell

    return spell(decoder.tokenizer, ids, np.ones(len(ids), np.float32))[0]


def test_the_window_of_unlimited_ocr_matters_within_300_tokens(stock: dict[str, Stock]) -> None:
    """Were the window ignored, the test above would not see it: with full attention the text is
    another.
    """
    from optical_memory.readers.deepseek.config import open_folder
    from optical_memory.readers.deepseek.weights import load_half

    folder, _ = stock[UNLIMITED.id]
    half: Any = load_half(open_folder(folder), "decoder")
    prompt = torch.randint(3, 1000, (1, 80), generator=torch.Generator().manual_seed(0))
    texts = []
    for kind in ("reference_sliding_attention", "full_attention"):
        half.config.text_config.layer_types = [kind] * len(half.config.text_config.layer_types)
        with torch.no_grad():
            texts.append(
                half.generate(
                    input_ids=prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=300
                )
            )
    same = (texts[0] == texts[1])[0]
    assert same[: 80 + 100].all()
    assert not same.all()


# ---- batches -------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", [V1, UNLIMITED, V2], ids=lambda family: family.id)
def test_pages_of_mixed_sizes_read_in_a_batch_as_one_by_one(
    family: Family, stock: dict[str, Stock]
) -> None:
    reader = DeepseekReader(stock[family.id][0], dtype="float32")
    names = {
        V1: ("tiny", "small", "tiny"),
        UNLIMITED: ("base", "gundam-2x1", "base"),
        V2: ("768", "1024", "768"),
    }
    tasks = []
    for seed, name in enumerate(names[family]):
        rung = family.rung(name)
        (tokens,) = reader.encode([picture(rung, seed)], rung)
        tasks.append(
            Task(reader._received(tokens), family.prompts["plain"], 60 + 20 * seed, Guard(30, 90))
        )
    together = reader.decoder.transcribe(tasks)
    alone = [reader.decoder.transcribe([task])[0] for task in tasks]
    assert [t.text for t in together] == [t.text for t in alone]
    assert len({t.text for t in together}) == 3


@pytest.mark.parametrize("name", ["base", "gundam-2x2"])
def test_pictures_encode_in_a_batch_as_one_by_one(name: str, stock: dict[str, Stock]) -> None:
    reader, rung = DeepseekReader(stock[V1.id][0], dtype="float32"), V1.rung(name)
    pictures = [picture(rung, seed) for seed in (1, 2)]
    together = reader.encode(pictures, rung)
    alone = [reader.encode([one], rung)[0] for one in pictures]
    assert all(
        np.abs(a.values - b.values).max() < 1e-4 for a, b in zip(together, alone, strict=True)
    )


# ---- views ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("rung", [*V1.rungs, *V2.rungs, V1.off[0]], ids=lambda rung: rung.name)
def test_what_is_taken_off_is_put_back(rung: Rung) -> None:
    views = rung.views
    rng = np.random.default_rng(0)
    newline = rng.normal(size=4).astype(np.float32) if views.newlines else None
    separator = rng.normal(size=4).astype(np.float32)
    grid = rng.normal(size=(views.n_grid_tokens, 4)).astype(np.float32)
    full = dressed(grid, views, newline, separator)
    assert len(full) == views.n_tokens
    assert np.array_equal(stripped(full, views), grid)


def test_a_native_page_is_seen_without_resampling() -> None:
    seen = look([picture(Rung("tiny", 512))], Rung("tiny", 512))
    assert seen.pages.shape == (1, 3, 512, 512)
    assert sorted(np.unique(seen.pages)) == [-1.0, 1.0]
    assert seen.tiles is None


def test_a_mosaic_is_cut_into_tiles_and_shown_whole_on_grey() -> None:
    rung = V1.rung("gundam-2x3")
    page = picture(rung)
    seen = look([page], rung)
    assert page.shape == (1920, 1280)
    assert seen.tiles is not None
    assert (seen.tiles.shape, seen.pages.shape) == ((6, 3, 640, 640), (1, 3, 1024, 1024))
    assert np.array_equal(seen.tiles[3, 0], (page[640:1280, 640:] / 127.5 - 1).astype(np.float32))
    grey = np.float32((127 / 255 - 0.5) / 0.5)
    assert np.allclose(seen.pages[0, :, :, 0], grey)
    assert not np.allclose(seen.pages[0, :, 0, 512], grey)


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ReaderMismatch, match="tiny pages are 512 x 512 px, this one is"):
        look([np.full((512, 640), 255, np.uint8)], Rung("tiny", 512))
    with pytest.raises(ReaderMismatch, match="64 stored tokens were expected, not 63"):
        dressed(np.zeros((63, 4), np.float32), Rung("tiny", 512).views, None, None)


def test_tokens_of_another_checkpoint_are_refused(stock: dict[str, Stock]) -> None:
    reader = DeepseekReader(stock[V1.id][0])
    values = np.zeros((64, 64), np.float32)
    with pytest.raises(ReaderMismatch, match="other@1"):
        reader._received(VisualTokens(values, "other", "1", "tiny"))
    with pytest.raises(ReaderMismatch, match="no rung 'huge'"):
        reader._received(VisualTokens(values, reader.profile.id, reader.profile.revision, "huge"))


def test_what_the_codec_gives_back_is_what_is_read(stock: dict[str, Stock]) -> None:
    reader, rung = DeepseekReader(stock[V1.id][0], dtype="float32"), V1.rung("tiny")
    (tokens,) = reader.encode([picture(rung)], rung)
    stored = unpack(INT8.pack(tokens))
    assert np.array_equal(stripped(reader._received(stored), rung.views), stored.values)


def test_pages_are_laid_out_so_that_the_last_rung_is_still_read_well(
    stock: dict[str, Stock],
) -> None:
    profile = DeepseekReader(stock[V1.id][0]).profile
    density = profile.ladder[-1].side_px ** 2 / prose_chars(profile.grid)
    expected = profile.expected(density)
    assert 84 <= density <= 90
    assert expected is not None
    assert expected > 0.98
    assert profile.expected(65.0) == pytest.approx(0.960)
    assert profile.expected(60.0) == pytest.approx((0.810 + 0.960) / 2)
    assert profile.expected(1000.0) == 0.997
    assert profile.expected(20.0) is None


def test_a_ladder_goes_down(stock: dict[str, Stock]) -> None:
    folder, _ = stock[V1.id]
    assert [
        r.name for r in DeepseekReader(folder, ladder=("gundam-2x2", "tiny")).profile.ladder
    ] == [
        "gundam-2x2",
        "tiny",
    ]
    with pytest.raises(ReaderMismatch, match="from more tokens to fewer"):
        DeepseekReader(folder, ladder=("tiny", "base"))
    with pytest.raises(ReaderMismatch, match="no rung 'gundam'"):
        DeepseekReader(folder, ladder=("gundam",))
    with pytest.raises(ReaderMismatch, match="gundam-2x3 is not square"):
        DeepseekReader(folder, ladder=("gundam-2x3", "base"))
    with pytest.raises(ReaderMismatch, match="one page a prompt"):
        DeepseekReader(folder).decode_together([], [])
    assert [rung.name for rung in DeepseekReader(folder, ladder="tiny").profile.ladder] == ["tiny"]
