"""GOT-OCR2.0 as a reader: which checkpoints load, what its profile tells, and what it reads and
refuses.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from support.small_got import (
    CONFIG,
    DIM,
    Image,
    byte_tokenizer,
    drawn,
    ends_after,
    task,
    write,
    write_got,
)
from tokenizers import Tokenizer

from optical_memory.errors import CheckpointError, ReaderMismatch, ReadingFailed
from optical_memory.profiles import V1_LADDER
from optical_memory.readers.got.network import got_config, load_decoder, load_vision
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
    made = tmp_path_factory.mktemp("got")
    write_got(made)
    return made


@pytest.fixture(scope="module")
def images() -> list[Image]:
    return drawn()


# ---- checkpoints ---------------------------------------------------------------------------------

Change = Callable[[dict[str, torch.Tensor]], Any]
WRONG: list[tuple[str, bool, Change]] = [
    ("norm.weight", False, lambda w: w.pop("language_model.model.norm.weight")),
    ("vision_tower.pos_embed", True, lambda w: w.pop("vision_tower.pos_embed")),
    ("stranger", True, lambda w: w.update({"vision_tower.stranger": torch.zeros(2)})),
    ("stranger", False, lambda w: w.update({"language_model.model.stranger": torch.zeros(2)})),
    (
        "does not",
        True,
        lambda w: w.update({"vision_tower.neck.conv1.weight": torch.zeros(8, 15, 1, 1)}),
    ),
]


@pytest.mark.parametrize(("named", "in_vision", "change"), WRONG)
def test_a_checkpoint_with_other_keys_does_not_load(
    named: str, in_vision: bool, change: Change, folder: Path, tokenizer: Tokenizer, tmp_path: Path
):
    weights = load_file(folder / "model.safetensors")
    change(weights)
    write(tmp_path / "wrong", weights)

    with pytest.raises(CheckpointError, match=named):
        load_decoder(tmp_path / "wrong", got_config(CONFIG), tokenizer)
    with pytest.raises(CheckpointError, match=named) if in_vision else nullcontext():
        load_vision(tmp_path / "wrong", got_config(CONFIG))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (CONFIG | {"model_type": "deepseek_vl_v2"}, "deepseek_vl_v2"),
        ({"model_type": "got_ocr2"}, "text_config"),
        (CONFIG | {"text_config": []}, "sizes"),
        (CONFIG | {"text_config": CONFIG["text_config"] | {"rope_theta": None}}, "sizes"),
        (CONFIG | {"text_config": CONFIG["text_config"] | {"vocab_size": "8"}}, "vocab_size"),
        (
            CONFIG | {"text_config": CONFIG["text_config"] | {"num_attention_heads": 0}},
            "num_attention_heads is 0",
        ),
        (
            CONFIG | {"vision_config": CONFIG["vision_config"] | {"patch_size": -1}},
            "patch_size is -1",
        ),
        (
            CONFIG
            | {
                "text_config": {k: v for k, v in CONFIG["text_config"].items() if k != "rope_theta"}
            },
            "rope_theta",
        ),
    ],
)
def test_a_config_of_another_model_or_without_its_sizes_is_refused(
    wrong: dict[str, Any], message: str
):
    with pytest.raises(CheckpointError, match=message):
        got_config(wrong)


def test_the_published_sizes_are_those_of_the_stock_class():
    """config.json as transformers writes it for GOT's own sizes."""
    from transformers import GotOcr2Config

    whole = GotOcr2Config()
    config = got_config(json.loads(json.dumps(whole.to_dict())))

    assert config.vision_config.to_dict() == whole.vision_config.to_dict()
    ours, theirs = config.text_config.to_dict(), whole.text_config.to_dict()
    differing = {key for key in theirs if ours.get(key) != theirs[key]}
    assert differing <= {
        "max_window_layers",
        "sliding_window",
        "layer_types",
    }  # of no effect without a sliding window
    assert ours["rope_parameters"]["rope_theta"] == 1e6


def test_what_is_no_checkpoint_is_an_error_of_the_checkpoint(tmp_path: Path):
    with pytest.raises(CheckpointError):
        GotReader(tmp_path).profile  # noqa: B018
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    with pytest.raises(CheckpointError, match="no model"):
        GotReader(tmp_path).profile  # noqa: B018
    assert is_got(tmp_path)
    assert not is_got(tmp_path / "other")


# ---- the reader ----------------------------------------------------------------------------------


def test_the_profile_counts_256_tokens_a_page_and_loads_no_torch(folder: Path):
    code = (
        "import sys; from pathlib import Path; from optical_memory.readers.got.reader import GotReader; "
        f"p = GotReader(Path({str(folder)!r})).profile; "
        "print(p.id, p.dim, [(r.name, r.n_grid_tokens, r.n_tokens) for r in p.ladder], 'torch' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert told.strip() == f"got-ocr2 {DIM} [('base', 256, 256)] False"


def test_other_weights_are_another_revision(folder: Path, tmp_path: Path):
    weights = load_file(folder / "model.safetensors")
    weights["vision_tower.pos_embed"][0, 0, 0, 0] += 1
    write(tmp_path / "other", weights)

    assert GotReader(folder).profile.revision == GotReader(folder).profile.revision
    assert GotReader(tmp_path / "other").profile.revision != GotReader(folder).profile.revision


def test_a_page_that_is_not_read_is_unread_and_fails_its_certificate(
    folder: Path, images: list[Image]
):
    """A random model never ends, which is no reading."""
    reader = GotReader(folder)
    page = PageRenderer(reader.grid).paginate(
        [PlacedTurn(Turn("user", "A short page."), "a", 0, 0)]
    )[0]
    tokens = [unpack(INT8.pack(t)) for t in reader.encode(images[:1], reader.profile.ladder[0])]

    (read,) = reader.decode(tokens, [page.layout])

    assert len(read.text) == len(read.confidence) == page.layout.n_chars
    assert set(read.text) <= {"\ufffd", "\n", " "}
    with pytest.raises(ReadingFailed, match="did not end"):
        reader.certify(tokens, [page])


def test_what_the_decoder_wrote_is_fitted_to_the_page(folder: Path, images: list[Image]):
    reader = GotReader(folder, dtype="float32")
    tokens = reader.encode(images[:1], reader.profile.ladder[0])
    ends_after(reader._decoder, tokens[0].values, 60)
    (wrote,) = reader._decoder.transcribe([task(tokens[0].values, 200)])
    assert wrote.ended
    page = PageRenderer(reader.grid).paginate(
        [PlacedTurn(Turn("user", "x" * len(wrote.text)), "a", 0, 0)]
    )[0]

    (read,) = reader.decode(tokens, [page.layout])

    assert len(read.text) == page.layout.n_chars
    assert reader.certify(tokens, [page])[0].text == read.text
    assert 0 < read.confidence.max() <= 1


def test_tokens_and_pictures_of_others_are_refused(folder: Path, images: list[Image]):
    reader = GotReader(folder)
    rung = reader.profile.ladder[0]
    (tokens,) = reader.encode(images[:1], rung)
    page = PageRenderer(reader.grid).paginate([PlacedTurn(Turn("user", "A page."), "a", 0, 0)])[0]

    with pytest.raises(ReaderMismatch, match="1024 px pages"):
        reader.encode([images[0][:512, :512]], rung)
    with pytest.raises(ReaderMismatch, match="at large"):
        reader.encode(images[:1], V1_LADDER[0])
    for other in (
        {"revision": "0"},
        {"reader": "pocket"},
        {"rung": "tiny"},
        {"values": tokens.values[:100]},
    ):
        changed = type(tokens)(
            **{n: getattr(tokens, n) for n in ("values", "reader", "revision", "rung")} | other
        )
        with pytest.raises(ReaderMismatch):
            reader.decode([changed], [page.layout])
