"""GOT-OCR2.0 as a reader: which checkpoints load, what its profile tells, and what it reads and
refuses.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from support.readers.small_got import (
    CONFIG,
    DIM,
    Image,
    byte_tokenizer,
    draw_pages,
    end_after,
    got_config,
    task_of,
    write,
    write_got,
)
from tokenizers import Tokenizer

from optical_memory.errors import CheckpointError, ReaderMismatch, ReadingFailed
from optical_memory.pages import Page
from optical_memory.profiles import V1_LADDER
from optical_memory.readers.got.network import load_decoder, load_vision
from optical_memory.readers.got.reader import GotReader, is_got
from optical_memory.renderers import PlacedTurn
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.tokens import INT8, unpack
from optical_memory.turns import Turn


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return byte_tokenizer()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("got")
    write_got(folder)
    return folder


@pytest.fixture(scope="module")
def images() -> list[Image]:
    return draw_pages()


# ---- checkpoints ---------------------------------------------------------------------------------

NORM = "language_model.model.norm.weight"
NECK = "vision_tower.neck.conv1.weight"


@pytest.mark.parametrize(
    ("key", "shape", "message"),
    [
        (NORM, None, "norm.weight"),
        ("language_model.model.stranger", (2,), "stranger"),
        ("vision_tower.pos_embed", None, "vision_tower.pos_embed"),
        ("vision_tower.stranger", (2,), "stranger"),
        (NECK, (8, 15, 1, 1), "does not"),
    ],
)
def test_a_checkpoint_with_other_keys_does_not_load(
    key: str,
    shape: tuple[int, ...] | None,
    message: str,
    folder: Path,
    tokenizer: Tokenizer,
    tmp_path: Path,
):
    weights = load_file(folder / "model.safetensors")
    weights.pop(key, None)
    if shape is not None:
        weights[key] = torch.zeros(shape)
    write(tmp_path / "wrong", weights)

    with pytest.raises(CheckpointError, match=message):
        load_decoder(tmp_path / "wrong", got_config(), tokenizer)
    is_vision = key.startswith("vision_tower")
    with pytest.raises(CheckpointError, match=message) if is_vision else nullcontext():
        load_vision(tmp_path / "wrong", got_config())


def with_text(**sizes: Any) -> dict[str, Any]:
    """config.json with other sizes of the decoder."""
    return CONFIG | {"text_config": CONFIG["text_config"] | sizes}


def without_theta() -> dict[str, Any]:
    text = dict(CONFIG["text_config"])
    del text["rope_theta"]
    return CONFIG | {"text_config": text}


@pytest.mark.parametrize(
    ("config_json", "message"),
    [
        (CONFIG | {"model_type": "deepseek_vl_v2"}, "model_type is 'deepseek_vl_v2'"),
        ({"model_type": "got_ocr2"}, "image_token_index is missing"),
        ({"model_type": "got_ocr2", "image_token_index": 1}, "text_config is missing"),
        (CONFIG | {"text_config": []}, r"text_config is \[\]: Input should be an object"),
        (with_text(rope_theta=None), "rope_theta is None"),
        (with_text(vocab_size="8"), "vocab_size is '8'"),
        (with_text(num_attention_heads=0), "num_attention_heads is 0"),
        (CONFIG | {"vision_config": {"patch_size": -1}}, "patch_size is -1"),
        (CONFIG | {"vision_config": None}, "vision_config is None"),
        (without_theta(), "rope_theta"),
    ],
)
def test_a_config_of_another_model_or_without_its_sizes_is_refused(
    config_json: dict[str, Any], message: str
):
    with pytest.raises(CheckpointError, match=message):
        got_config(config_json)


def test_the_published_sizes_are_those_of_the_stock_class():
    """config.json as transformers writes it for GOT's own sizes."""
    from transformers import GotOcr2Config

    whole = GotOcr2Config()
    config = got_config(json.loads(json.dumps(whole.to_dict())))

    assert config.vision_config.to_dict() == whole.vision_config.to_dict()
    text = config.text_config.to_dict()
    stock_text = whole.text_config.to_dict()
    differences = {key for key in stock_text if text.get(key) != stock_text[key]}
    of_no_effect = {"max_window_layers", "sliding_window", "layer_types"}  # without a window
    assert differences <= of_no_effect
    assert text["rope_parameters"]["rope_theta"] == 1e6


def test_what_is_no_checkpoint_is_an_error_of_the_checkpoint(tmp_path: Path):
    with pytest.raises(CheckpointError):
        _ = GotReader(tmp_path).profile
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    with pytest.raises(CheckpointError, match="no model"):
        _ = GotReader(tmp_path).profile
    assert is_got(tmp_path)
    assert not is_got(tmp_path / "other")


# ---- the reader ----------------------------------------------------------------------------------


def test_the_profile_counts_256_tokens_a_page_and_loads_no_torch(folder: Path):
    profile = GotReader(folder).profile
    (rung,) = profile.ladder
    assert (profile.id, profile.dim) == ("got-ocr2", DIM)
    assert (rung.name, rung.n_grid_tokens, rung.n_tokens) == ("base", 256, 256)

    code = f"""
import sys
from optical_memory.readers.got import GotReader
assert GotReader({str(folder)!r}).profile.dim == {DIM}
assert not {{"torch", "transformers"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_other_weights_are_another_revision(folder: Path, tmp_path: Path):
    weights = load_file(folder / "model.safetensors")
    weights["vision_tower.pos_embed"][0, 0, 0, 0] += 1
    write(tmp_path / "other", weights)

    assert GotReader(folder).profile.revision == GotReader(folder).profile.revision
    assert GotReader(tmp_path / "other").profile.revision != GotReader(folder).profile.revision


def page_of(reader: GotReader, text: str) -> Page:
    """The first page of a text, laid out for this reader."""
    turn = PlacedTurn(Turn("user", text), "a", 0, 0)
    return PageRenderer(reader.grid).paginate([turn])[0]


def test_a_page_that_is_not_read_is_unread_and_fails_its_certificate(
    folder: Path, images: list[Image]
):
    """A random model never ends, which is no reading."""
    reader = GotReader(folder)
    page = page_of(reader, "A short page.")
    tokens = [unpack(INT8.pack(t)) for t in reader.encode(images[:1], reader.profile.ladder[0])]

    (reading,) = reader.decode(tokens, [page.layout])

    assert len(reading.text) == len(reading.confidence) == page.layout.n_chars
    assert set(reading.text) <= {"\ufffd", "\n", " "}
    with pytest.raises(ReadingFailed, match="did not end"):
        reader.certify(tokens, [page])


def test_what_the_decoder_wrote_is_fitted_to_the_page(folder: Path, images: list[Image]):
    reader = GotReader(folder, dtype="float32")
    tokens = reader.encode(images[:1], reader.profile.ladder[0])
    end_after(reader.decoder, tokens[0].values, 60)
    (transcript,) = reader.decoder.transcribe([task_of(tokens[0].values, 200)])
    assert transcript.ended
    page = page_of(reader, "x" * len(transcript.text))

    (reading,) = reader.decode(tokens, [page.layout])

    assert len(reading.text) == page.layout.n_chars
    assert reader.certify(tokens, [page])[0].text == reading.text
    assert reader.decode(tokens, [page.layout], [[0]])[0].text == reading.text  # the whole page
    assert 0 < reading.confidence.max() <= 1


def test_a_half_loads_once_however_many_threads_ask(folder: Path):
    reader = GotReader(folder)
    with ThreadPoolExecutor(4) as pool:
        halves = list(pool.map(lambda _: (reader.vision, reader.decoder), range(4)))
    assert {id(vision) for vision, _ in halves} == {id(reader.vision)}
    assert {id(decoder) for _, decoder in halves} == {id(reader.decoder)}


def test_tokens_and_pictures_of_others_are_refused(folder: Path, images: list[Image]):
    reader = GotReader(folder)
    rung = reader.profile.ladder[0]
    (tokens,) = reader.encode(images[:1], rung)
    page = page_of(reader, "A page.")

    with pytest.raises(ReaderMismatch, match="1024 px pages"):
        reader.encode([images[0][:512, :512]], rung)
    with pytest.raises(ReaderMismatch, match="at large"):
        reader.encode(images[:1], V1_LADDER[0])
    for change in (
        {"revision": "0"},
        {"reader": "pocket"},
        {"rung": "tiny"},
        {"values": tokens.values[:100]},
    ):
        with pytest.raises(ReaderMismatch):
            reader.decode([dataclasses.replace(tokens, **change)], [page.layout])
