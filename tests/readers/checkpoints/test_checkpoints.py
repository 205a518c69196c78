"""Checkpoints in the published form load strictly, whole or by halves, or are refused by name."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.small_checkpoints import Stock
from tokenizers import Tokenizer
from tokenizers.normalizers import Strip

from optical_memory.errors import CheckpointError, NotEnoughMemory, ReaderUnavailable
from optical_memory.readers import open_reader
from optical_memory.readers.check import check_paper, check_reader
from optical_memory.readers.checkpoints.devices import Place, place, require_room
from optical_memory.readers.checkpoints.safetensors_files import read_header
from optical_memory.readers.deepseek.config import open_folder
from optical_memory.readers.deepseek.families import UNLIMITED, V1, V2, Family
from optical_memory.readers.deepseek.halves import ENCODER_PARTS
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.deepseek.weights import check_keys, load_half

NAMES = {V1: "deepseek_ocr_v1", UNLIMITED: "unlimited_ocr", V2: "deepseek_ocr_2"}
EVERY_FAMILY = pytest.mark.parametrize("family", [V1, UNLIMITED, V2], ids=lambda family: family.id)


def changed(folder: Path, out: Path, **tensors: torch.Tensor | None) -> Path:
    """A copy of a checkpoint with tensors replaced, added or (None) removed; `__` stands for a dot."""
    out.mkdir()
    weights = load_file(folder / "model.safetensors")
    for name, value in tensors.items():
        key = name.replace("__", ".")
        weights.pop(key, None)
        if value is not None:
            weights[key] = value
    save_file(weights, out / "model.safetensors")
    for name in ("config.json", "tokenizer.json"):
        (out / name).write_bytes((folder / name).read_bytes())
    return out


# ---- halves --------------------------------------------------------------------------------------


@EVERY_FAMILY
def test_the_encoder_alone_sees_what_the_whole_model_sees(
    family: Family, stock: dict[str, Stock]
) -> None:
    folder, model = stock[family.id]
    half = load_half(open_folder(folder), "encoder")
    pixels = torch.randn(2, 3, 768, 768, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole, alone = (
            m.get_image_features(pixel_values=pixels).pooler_output for m in (model, half)
        )
    assert all(torch.equal(a, b) for a, b in zip(whole, alone, strict=True))
    assert sum(p.numel() for p in half.parameters()) < 0.1 * sum(
        p.numel() for p in model.parameters()
    )


@EVERY_FAMILY
def test_the_decoder_alone_says_what_the_whole_model_says(
    family: Family, stock: dict[str, Stock]
) -> None:
    folder, model = stock[family.id]
    half = load_half(open_folder(folder), "decoder")
    ids = torch.randint(3, 128_000, (2, 40), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids).logits, half(input_ids=ids).logits)
    assert (half.generation_config.eos_token_id, half.generation_config.pad_token_id) == (1, 2)


def test_a_checkpoint_in_several_files_is_one(stock: dict[str, Stock], tmp_path: Path) -> None:
    folder, _ = stock[V1.id]
    weights = load_file(folder / "model.safetensors")
    names = sorted(weights)
    for i, part in enumerate((names[::2], names[1::2]), 1):
        save_file(
            {name: weights[name] for name in part}, tmp_path / f"model-0000{i}-of-00002.safetensors"
        )
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    whole, parts = (load_half(open_folder(f), "encoder").state_dict() for f in (folder, tmp_path))
    loaded = [name for name in whole if name.startswith(ENCODER_PARTS)]
    assert loaded
    assert all(torch.equal(whole[name], parts[name]) for name in loaded)


def test_halves_that_load_at_once_keep_their_own_numbers(stock: dict[str, Stock]) -> None:
    """transformers sets the default dtype of the process while it builds a model."""
    found = open_folder(stock[V1.id][0])
    kinds = [("encoder", torch.float32), ("decoder", torch.bfloat16)] * 4
    with ThreadPoolExecutor(len(kinds)) as pool:
        halves = list(pool.map(lambda kind: load_half(found, *kind), kinds))
    for (_, dtype), half in zip(kinds, halves, strict=True):
        assert {p.dtype for p in half.parameters()} == {dtype}
    assert torch.get_default_dtype() == torch.float32


# ---- what is refused -----------------------------------------------------------------------------

SAM_NECK = "model__sam_model__neck__0__weight"
EXPERT = "model__layers__1__mlp__experts__3__up_proj__weight"


@pytest.mark.parametrize(
    ("half", "tensors", "said"),
    [
        ("encoder", {SAM_NECK: None}, "tell the sizes"),
        ("encoder", {"model__projector__layers__bias": None}, "missing"),
        ("encoder", {"model__sam_model__more": torch.zeros(3)}, "unexpected"),
        ("encoder", {"model__sam_model__blocks__1__norm1__weight": torch.zeros(7)}, "mismatch"),
        ("encoder", {"model__image_newline": None}, "missing"),
        (
            "decoder",
            {EXPERT: None},
            r"1 missing: model\.layers\.1\.mlp\.experts\.3\.up_proj\.weight$",
        ),
        (
            "decoder",
            {EXPERT: torch.zeros(64, 32)},
            r"3\.up_proj\.weight of shape \(64, 32\), not \(32, 64\)$",
        ),
        (
            "decoder",
            {EXPERT: torch.zeros(33, 64)},
            r"3\.up_proj\.weight of shape \(33, 64\), not \(32, 64\)$",
        ),
        (
            "decoder",
            {EXPERT.replace("3", "8"): torch.zeros(32, 64)},
            r"unexpected: .*experts\.8\.up_proj\.weight$",
        ),
        (
            "decoder",
            {"lm_head__weight": torch.zeros(5, 64)},
            r"lm_head\.weight of shape \(5, 64\), not \(129280, 64\)$",
        ),
        (
            "decoder",
            {"model__view_separator": torch.zeros(64)},
            r"1 unexpected: model\.view_separator$",
        ),
        (
            "encoder",
            {"model__image_newline": torch.zeros(32)},
            r"image_newline of shape \(32,\), not \(64,\)$",
        ),
        (
            "encoder",
            {"model__image_newline": torch.zeros(64).double()},
            r"image_newline of F64, not BF16, F16, F32$",
        ),
        (
            "encoder",
            {SAM_NECK: torch.zeros(25, 32, 1, 1)},
            r"neck\.0\.weight of shape \(25, 32, 1, 1\) and .* do not agree",
        ),
        ("decoder", {"lm_head__weight": None}, "missing"),
        ("decoder", {"model__layers__9__input_layernorm__weight": torch.zeros(64)}, "unexpected"),
    ],
)
def test_one_wrong_tensor_is_refused(
    half: str,
    tensors: dict[str, torch.Tensor | None],
    said: str,
    stock: dict[str, Stock],
    tmp_path: Path,
) -> None:
    folder = changed(stock[V1.id][0], tmp_path / "changed", **tensors)
    with pytest.raises(CheckpointError, match=said):
        load_half(open_folder(folder), half)  # type: ignore[arg-type]


def test_a_half_does_not_care_for_the_other(stock: dict[str, Stock], tmp_path: Path) -> None:
    folder = changed(stock[V1.id][0], tmp_path / "changed", **{EXPERT: None})
    load_half(open_folder(folder), "encoder")


def test_files_that_are_no_checkpoint_are_refused(stock: dict[str, Stock], tmp_path: Path) -> None:
    folder = changed(stock[V1.id][0], tmp_path / "cut")
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
    folder = changed(stock[V1.id][0], tmp_path / "sharded")
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


def test_the_environment_says_what_nobody_else_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTICAL_MEMORY_DTYPE", "bfloat16")
    monkeypatch.setenv("OPTICAL_MEMORY_DEVICE", "cpu")
    assert place("encoder") == Place("cpu", torch.bfloat16)
    assert place("encoder", dtype="float32") == Place("cpu", torch.float32)
    monkeypatch.setenv("OPTICAL_MEMORY_DTYPE", "int3")
    with pytest.raises(ReaderUnavailable, match="no dtype 'int3'"):
        place("encoder")


def test_a_device_that_is_not_there_is_told(stock: dict[str, Stock]) -> None:
    with pytest.raises(ReaderUnavailable, match="no device 'tpu' here; there is auto, cpu"):
        check_reader(str(stock[V1.id][0]), device="tpu")


def test_a_model_of_no_known_family_is_refused(stock: dict[str, Stock], tmp_path: Path) -> None:
    folder = changed(stock[V1.id][0], tmp_path / "other")
    config = json.loads((folder / "config.json").read_text()) | {
        "architectures": ["LlamaForCausalLM"]
    }
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="LlamaForCausalLM"):
        open_reader(str(folder))


def test_a_name_that_is_nowhere_says_what_can_be_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="'pocket', a folder"):
        open_reader("poket")
    with pytest.raises(CheckpointError, match="no reader ''"):
        open_reader("")
    with pytest.raises(CheckpointError, match="IPv6"):
        open_reader("vllm+http://[::1?checkpoint=x")
    with pytest.raises(CheckpointError, match="OPTICAL_MEMORY_DOWNLOAD=1"):
        open_reader("deepseek-ai/No-Such-Model")


def test_too_little_memory_is_told_before_loading(
    stock: dict[str, Stock], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "optical_memory.readers.checkpoints.devices.free_bytes", lambda device: 1000
    )
    with pytest.raises(
        NotEnoughMemory, match=r"decoder of deepseek-ocr needs 0\.1 GiB in float32 on cpu, 0\.0 GiB"
    ):
        require_room(open_folder(stock[V1.id][0]), "decoder", Place("cpu", torch.float32))


# ---- identity ------------------------------------------------------------------------------------


def test_the_revision_follows_the_weights(stock: dict[str, Stock], tmp_path: Path) -> None:
    folder, _ = stock[V1.id]
    same = changed(folder, tmp_path / "same")
    other = changed(folder, tmp_path / "other", model__norm__weight=torch.full((64,), 1.5))
    assert (
        open_folder(same).revision()
        == open_folder(folder).revision()
        != open_folder(other).revision()
    )


def test_opening_a_reader_loads_no_weights(stock: dict[str, Stock]) -> None:
    reader = open_reader(str(stock[V2.id][0]))
    assert isinstance(reader, DeepseekReader)
    assert (reader.profile.id, reader.profile.dim) == ("deepseek-ocr-2", 64)
    assert not {"encoder", "decoder"} & set(reader.__dict__)


# ---- the published checkpoints -------------------------------------------------------------------


@EVERY_FAMILY
def test_small_checkpoints_have_the_published_key_names(
    family: Family, stock: dict[str, Stock], data_dir: Path
) -> None:
    published = json.loads((data_dir / "checkpoints" / f"{NAMES[family]}.shapes.json").read_text())[
        "tensors"
    ]
    numbers = re.compile(r"(?<=\.)\d+(?=\.)")
    ours = open_folder(stock[family.id][0]).shapes
    assert {numbers.sub("N", name) for name in ours} == {
        numbers.sub("N", name) for name in published
    }


@EVERY_FAMILY
def test_every_published_tensor_has_its_place(family: Family, data_dir: Path) -> None:
    files = [
        data_dir / "checkpoints" / f"{NAMES[family]}.{kind}.json" for kind in ("shapes", "config")
    ]
    report = check_paper(*files, device="cpu")
    assert (report.missing, report.unexpected, report.mismatched) == (0, 0, 0)
    assert 2_934e6 < report.halves[1].parameters < 2_936e6


@pytest.mark.parametrize(
    "tensor",
    ["model.layers.7.mlp.experts.40.down_proj.weight", "model.norm.weight", "model.view_seperator"],
)
def test_a_published_checkpoint_without_one_tensor_is_refused(
    tensor: str, data_dir: Path, tmp_path: Path
) -> None:
    folder = data_dir / "checkpoints"
    shapes = json.loads((folder / "deepseek_ocr_v1.shapes.json").read_text())
    del shapes["tensors"][tensor]
    (tmp_path / "shapes.json").write_text(json.dumps(shapes))
    report = check_paper(
        tmp_path / "shapes.json", folder / "deepseek_ocr_v1.config.json", device="cpu"
    )
    assert (report.missing, report.unexpected, report.mismatched) == (1, 0, 0)
    assert f"missing {tensor}" in report.problems


@EVERY_FAMILY
def test_a_folder_is_checked_without_its_weights(family: Family, stock: dict[str, Stock]) -> None:
    report = check_reader(str(stock[family.id][0]), device="cpu")
    assert (report.missing, report.unexpected, report.mismatched, report.problems) == (0, 0, 0, ())


def test_a_tokenizer_that_loses_line_breaks_is_a_problem(
    stock: dict[str, Stock], tmp_path: Path
) -> None:
    folder = changed(stock[V1.id][0], tmp_path / "changed", model__norm__weight=torch.ones(64))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.normalizer = Strip()
    tokenizer.save(str(folder / "tokenizer.json"))
    report = check_reader(str(folder), device="cpu")
    assert any("Free OCR" in problem for problem in report.problems)


def test_checking_names_a_missing_key_as_the_files_do(
    stock: dict[str, Stock], tmp_path: Path
) -> None:
    folder = changed(stock[V1.id][0], tmp_path / "changed", model__norm__weight=None)
    assert check_keys(open_folder(folder))["missing"] == ["model.norm.weight"]
