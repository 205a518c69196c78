"""Checkpoints in the published form load strictly, whole or by halves, or are refused by name."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.readers.change_checkpoint import change_checkpoint
from support.readers.small_checkpoints import Stock

from optical_memory.errors import CheckpointError
from optical_memory.readers import open_reader
from optical_memory.readers.check import check_reader
from optical_memory.readers.checkpoints.devices import Half
from optical_memory.readers.checkpoints.safetensors_files import read_header
from optical_memory.readers.deepseek.families import UNLIMITED, V1, V2
from optical_memory.readers.deepseek.halves import ENCODER_PARTS
from optical_memory.readers.deepseek.open_folder import open_folder
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.deepseek.weights import load_half
from optical_memory.readers.language.family import Family

EVERY_FAMILY = pytest.mark.parametrize("family", [V1, UNLIMITED, V2], ids=lambda family: family.id)


# ---- halves --------------------------------------------------------------------------------------


@EVERY_FAMILY
def test_the_encoder_alone_sees_what_the_whole_model_sees(
    family: Family, stock: dict[str, Stock]
) -> None:
    folder, model = stock[family.id]
    whole: Any = model
    half: Any = load_half(open_folder(folder), "encoder")
    pixels = torch.randn(2, 3, 768, 768, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        by_whole = whole.get_image_features(pixel_values=pixels).pooler_output
        by_half = half.get_image_features(pixel_values=pixels).pooler_output
    assert len(by_whole) == 2
    assert all(torch.equal(a, b) for a, b in zip(by_whole, by_half, strict=True))
    sizes = [sum(p.numel() for p in part.parameters()) for part in (half, model)]
    assert sizes[0] < 0.1 * sizes[1]


@EVERY_FAMILY
def test_the_decoder_alone_says_what_the_whole_model_says(
    family: Family, stock: dict[str, Stock]
) -> None:
    folder, model = stock[family.id]
    half: Any = load_half(open_folder(folder), "decoder")
    ids = torch.randint(3, 128_000, (2, 40), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids).logits, half(input_ids=ids).logits)
    assert (half.generation_config.eos_token_id, half.generation_config.pad_token_id) == (1, 2)


def test_a_checkpoint_in_several_files_is_one(stock: dict[str, Stock], tmp_path: Path) -> None:
    folder, _ = stock[V1.id]
    weights = load_file(folder / "model.safetensors")
    names = sorted(weights)
    for i, part in enumerate((names[::2], names[1::2]), 1):
        file = tmp_path / f"model-0000{i}-of-00002.safetensors"
        save_file({name: weights[name] for name in part}, file)
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    whole, parts = (load_half(open_folder(f), "encoder").state_dict() for f in (folder, tmp_path))
    keys = [key for key in whole if key.startswith(ENCODER_PARTS)]
    assert keys
    assert all(torch.equal(whole[key], parts[key]) for key in keys)


def test_halves_that_load_at_once_keep_their_own_numbers(stock: dict[str, Stock]) -> None:
    """transformers sets the default dtype of the process while it builds a model."""
    checkpoint = open_folder(stock[V1.id][0])
    kinds: list[tuple[Half, torch.dtype]] = [
        ("encoder", torch.float32),
        ("decoder", torch.bfloat16),
    ]
    kinds *= 4
    with ThreadPoolExecutor(len(kinds)) as pool:
        halves = list(pool.map(lambda kind: load_half(checkpoint, *kind), kinds))
    for (_, dtype), half in zip(kinds, halves, strict=True):
        weights = dict(half.named_parameters())
        routers = {key for key in weights if key.endswith("mlp.gate.weight")}
        # transformers 5.24 keeps the routers of experts in float32, whatever the dtype.
        assert {weights[key].dtype for key in weights.keys() - routers} == {dtype}
    assert torch.get_default_dtype() == torch.float32


def test_loading_and_checking_show_nothing(
    stock: dict[str, Stock], capfd: pytest.CaptureFixture[str]
) -> None:
    """No bar, and no report of the half that is left out on purpose."""
    checkpoint = open_folder(stock[V1.id][0])
    capfd.readouterr()
    load_half(checkpoint, "encoder")
    check_reader(str(checkpoint.path), device="cpu")
    assert capfd.readouterr() == ("", "")


# ---- what is refused -----------------------------------------------------------------------------

SAM_NECK = "model__sam_model__neck__0__weight"
NEWLINE = "model__image_newline"
NORM = "model__sam_model__blocks__1__norm1__weight"
EXPERT = "model__layers__1__mlp__experts__3__up_proj__weight"
EXTRA_LAYER = "model__layers__9__input_layernorm__weight"


@pytest.mark.parametrize(
    ("half", "key", "tensor", "message"),
    [
        ("encoder", SAM_NECK, None, "tell the sizes"),
        ("encoder", "model__projector__layers__bias", None, "missing"),
        ("encoder", "model__sam_model__more", torch.zeros(3), "unexpected"),
        ("encoder", NORM, torch.zeros(7), "mismatch"),
        ("encoder", NEWLINE, None, "missing"),
        (
            "encoder",
            NEWLINE,
            torch.zeros(32),
            r"image_newline of shape \(32,\), not \(64,\)$",
        ),
        (
            "encoder",
            NEWLINE,
            torch.zeros(64).double(),
            r"image_newline of F64, not BF16, F16, F32$",
        ),
        (
            "encoder",
            SAM_NECK,
            torch.zeros(25, 32, 1, 1),
            r"neck\.0\.weight of shape \(25, 32, 1, 1\) and .* do not agree",
        ),
        (
            "decoder",
            EXPERT,
            None,
            r"1 missing: model\.layers\.1\.mlp\.experts\.3\.up_proj\.weight$",
        ),
        (
            "decoder",
            EXPERT,
            torch.zeros(64, 32),
            r"3\.up_proj\.weight of shape \(64, 32\), not \(32, 64\)$",
        ),
        (
            "decoder",
            EXPERT,
            torch.zeros(33, 64),
            r"3\.up_proj\.weight of shape \(33, 64\), not \(32, 64\)$",
        ),
        (
            "decoder",
            EXPERT.replace("3", "8"),
            torch.zeros(32, 64),
            r"unexpected: .*experts\.8\.up_proj\.weight$",
        ),
        (
            "decoder",
            "lm_head__weight",
            torch.zeros(5, 64),
            r"lm_head\.weight of shape \(5, 64\), not \(129280, 64\)$",
        ),
        (
            "decoder",
            "model__view_separator",
            torch.zeros(64),
            r"1 unexpected: model\.view_separator$",
        ),
        ("decoder", "lm_head__weight", None, "missing"),
        ("decoder", EXTRA_LAYER, torch.zeros(64), "unexpected"),
    ],
)
def test_one_wrong_tensor_is_refused(
    half: Half,
    key: str,
    tensor: torch.Tensor | None,
    message: str,
    stock: dict[str, Stock],
    tmp_path: Path,
) -> None:
    folder = change_checkpoint(stock[V1.id][0], tmp_path / "changed", **{key: tensor})
    with pytest.raises(CheckpointError, match=message):
        load_half(open_folder(folder), half)


def test_a_half_does_not_care_for_the_other(stock: dict[str, Stock], tmp_path: Path) -> None:
    folder = change_checkpoint(stock[V1.id][0], tmp_path / "changed", **{EXPERT: None})
    load_half(open_folder(folder), "encoder")


def test_files_that_are_no_checkpoint_are_refused(stock: dict[str, Stock], tmp_path: Path) -> None:
    folder = change_checkpoint(stock[V1.id][0], tmp_path / "cut")
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(100_000)
    with pytest.raises(CheckpointError, match="missing at its end"):
        open_folder(folder)
    (folder / "model.safetensors").write_bytes(b"no header")
    with pytest.raises(CheckpointError, match="no safetensors file"):
        read_header(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"no \.safetensors file"):
        open_folder(folder)


def test_the_index_says_which_files_are_the_checkpoint(
    stock: dict[str, Stock], tmp_path: Path
) -> None:
    folder = change_checkpoint(stock[V1.id][0], tmp_path / "sharded")
    (folder / "model.safetensors").rename(folder / "model-00001-of-000001.safetensors")
    assert check_reader(str(folder), device="cpu").problems == ()
    save_file({"model.norm.weight": torch.zeros(64)}, folder / "zz_old.safetensors")
    with pytest.raises(CheckpointError, match=r"more than one model\.norm\.weight"):
        open_folder(folder)
    index = {"weight_map": {"model.norm.weight": "model-00001-of-000001.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert len(open_folder(folder).headers) == 1
    index["weight_map"]["lm_head.weight"] = "model-00002-of-000002.safetensors"
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match=r"lacks model-00002-of-000002\.safetensors"):
        open_folder(folder)


# ---- identity ------------------------------------------------------------------------------------


def test_the_revision_follows_the_weights(stock: dict[str, Stock], tmp_path: Path) -> None:
    folder, _ = stock[V1.id]
    norm = torch.full((64,), 1.5)
    copy = change_checkpoint(folder, tmp_path / "copy")
    retrained = change_checkpoint(folder, tmp_path / "retrained", model__norm__weight=norm)
    revision = open_folder(folder).revision()
    assert open_folder(copy).revision() == revision
    assert open_folder(retrained).revision() != revision


def test_opening_a_reader_loads_no_weights(stock: dict[str, Stock]) -> None:
    reader = open_reader(str(stock[V2.id][0]))
    assert isinstance(reader, DeepseekReader)
    assert (reader.profile.id, reader.profile.dim) == ("deepseek-ocr-2", 64)
    assert not {"encoder", "decoder"} & set(reader.__dict__)


def test_a_half_loads_once_however_many_threads_ask(stock: dict[str, Stock]) -> None:
    reader = DeepseekReader(stock[V1.id][0], dtype="float32")
    decoder: Any = reader.decoder
    with ThreadPoolExecutor(4) as pool:
        encoders = list(pool.map(lambda _: reader.encoder.model, range(4)))
        decoders = list(pool.map(lambda _: decoder.model, range(4)))
    assert {id(model) for model in encoders} == {id(reader.encoder.model)}
    assert {id(model) for model in decoders} == {id(decoder.model)}
