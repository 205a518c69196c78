"""Checkpoint folders with an odd config.json, index or header are refused with a `CheckpointError` that says what."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from published import Stock
from safetensors.torch import save_file
from transformers import UnlimitedOcrForConditionalGeneration

import optical_memory.readers
from optical_memory.errors import CheckpointError
from optical_memory.readers import open_reader
from optical_memory.readers.checkpoint import load_stock, written_shapes
from optical_memory.readers.deepseek import DeepseekReader
from optical_memory.readers.families import V1, V2
from optical_memory.readers.inspecting import check_paper
from optical_memory.readers.keys import differences
from optical_memory.readers.loading import check_keys, load_half, write_sparse
from optical_memory.readers.pocket_model import pocket_config
from optical_memory.readers.published import Published, open_folder, read_header, read_json
from optical_memory.readers.tensor_files import INDEX

FILE = "model.safetensors"
POCKET = Path(optical_memory.readers.__file__).parent / "checkpoints" / "pocket"
Shapes = dict[str, tuple[int, ...]]
Paper = Callable[..., Path]


@pytest.fixture
def paper(stock: dict[str, Stock], tmp_path: Path) -> Paper:
    """Writes a checkpoint of zeros with config.json and shapes as in `stock`, changed: None removes a tensor."""

    def write(family: str = V1.id, config: Any = None, **shapes: tuple[int, ...] | None) -> Path:
        out = tmp_path / "paper"
        out.mkdir()
        changed = {name.replace("__", "."): shape for name, shape in shapes.items()}
        write_sparse(out / FILE, {k: s for k, s in (_shapes(stock, family) | changed).items() if s is not None})
        published = read_json(stock[family][0] / "config.json")
        (out / "config.json").write_text(json.dumps(published if config is None else config(published)))
        return out

    return write


def _shapes(stock: dict[str, Stock], family: str) -> Shapes:
    return open_folder(stock[family][0]).shapes


def said(path: str, value: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Sets a value of config.json."""

    def change(config: dict[str, Any]) -> dict[str, Any]:
        *parents, last = path.split("/")
        at = config
        for name in parents:
            at = at[name]
        at[last] = value
        return config

    return change


def opened(folder: Path) -> Published:
    """Opened as far as config and keys are looked at."""
    reader = open_reader(str(folder))
    assert isinstance(reader, DeepseekReader)
    assert reader.profile.dim == 64
    found = reader.found
    differences(found)
    return found


def test_a_checkpoint_of_zeros_fits(paper: Paper) -> None:
    assert not any(check_keys(opened(paper())).values())


# ---- config.json ----------------------------------------------------------------------------------------------------

SAM, CLIP = "vision_config/width/sam_vit_b", "vision_config/width/clip-l-14-224"


@pytest.mark.parametrize("value", ["8", None, 8.0, True, 0, -1, 10**9, [8]])
@pytest.mark.parametrize(
    "name", ["language_config/n_routed_experts", "language_config/num_hidden_layers", SAM + "/layers"]
)
def test_a_count_is_a_positive_whole_number(name: str, value: object, paper: Paper) -> None:
    with pytest.raises(CheckpointError, match=rf"{name.split('/')[-1]} is .*, not a whole number from 1 to"):
        open_reader(str(paper(config=said(name, value))))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("language_config/num_attention_heads", 3, "hidden_size is 64, not a multiple of 6"),
        ("language_config/num_attention_heads", 0, "num_attention_heads is 0"),
        ("language_config/num_attention_heads", 64, "their widths are even"),
        ("language_config/num_key_value_heads", 4, "num_attention_heads is 2, not a multiple of 4"),
        ("language_config/first_k_dense_replace", 9, "first_k_dense_replace is 9, not a whole number from 0 to 3"),
        ("language_config/first_k_dense_replace", -1, "first_k_dense_replace is -1"),
        ("language_config/num_experts_per_tok", 100, "num_experts_per_tok is 100, not a whole number from 1 to 8"),
        ("language_config/num_experts_per_tok", 0, "num_experts_per_tok is 0"),
        ("language_config/topk_method", "noaux_tc", "topk_method is 'noaux_tc', which the stock class does not know"),
        ("language_config/topk_method", ["greedy"], r"topk_method is \['greedy'\]"),
        ("language_config/vocab_size", 1, "vocab_size is 1, not a whole number from 128816 to"),
        ("language_config/n_group", "1", "n_group is '1'"),
        ("language_config/sliding_window", "x", "sliding_window is 'x'"),
        ("language_config", [], "no object language_config"),
        ("language_config", None, "no object language_config"),
        ("vision_config", {}, r"no object vision_config\.width\.sam_vit_b"),
        (SAM + "/heads", 0, "heads is 0"),
        (SAM + "/heads", 3, "width is 32, not a multiple of 3"),
        (SAM + "/global_attn_indexes", [9], "global_attn_indexes is .9., not a list of layers from 0 to 1"),
        (SAM + "/global_attn_indexes", 1, "global_attn_indexes is 1"),
        (CLIP + "/heads", 0, "heads is 0"),
        (CLIP + "/patch_size", 0, "patch_size is 0"),
        (CLIP + "/image_size", None, "image_size is None"),
        ("architectures", {"a": 1}, "architectures {'a': 1}: known are DeepseekOCR"),
        ("architectures", 5, "architectures 5"),
        ("architectures", [["x"]], r"architectures \[\['x'\]\]"),
        ("architectures", [], r"architectures \[\]"),
    ],
)
def test_numbers_that_no_model_has_are_refused(path: str, value: object, message: str, paper: Paper) -> None:
    with pytest.raises(CheckpointError, match=message):
        open_reader(str(paper(config=said(path, value))))


def test_groups_of_experts_are_checked_where_they_are_used(paper: Paper) -> None:
    def grouped(config: dict[str, Any]) -> dict[str, Any]:
        config["language_config"] |= {"topk_method": "group_limited_greedy", "n_group": 3}
        return config

    with pytest.raises(CheckpointError, match="n_routed_experts is 8, not a multiple of 3"):
        open_reader(str(paper(config=grouped)))


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "[]", "", "\ufffe{"])
def test_a_config_that_is_no_json_object_is_refused(text: str, paper: Paper) -> None:
    folder = paper()
    (folder / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"config\.json (does not read as JSON|is not a JSON object)"):
        open_reader(str(folder))


def test_the_second_encoder_s_width_is_checked(paper: Paper) -> None:
    with pytest.raises(CheckpointError, match="dim is 65, not a multiple of 64"):
        open_reader(str(paper(V2.id, said("vision_config/width/qwen2-0-5b/dim", 65))))


# ---- sizes that tensors tell ----------------------------------------------------------------------------------------

K_PROJ = "model__qwen2_model__model__model__layers__0__self_attn__k_proj__weight"
V_PROJ = K_PROJ.replace("k_proj", "v_proj")


@pytest.mark.parametrize(
    ("family", "shapes", "message"),
    [
        (V1, {"model__sam_model__pos_embed": (64,)}, r"pos_embed has the shape \(64,\)"),
        (V1, {"model__sam_model__pos_embed": (1, 64, 63, 32)}, "do not agree"),
        (V1, {"model__sam_model__neck__0__weight": ()}, r"neck\.0\.weight has the shape \(\)"),
        (V1, {"model__sam_model__neck__0__weight": (0, 32, 1, 1)}, r"neck\.0\.weight has the shape \(0, 32"),
        (V2, {K_PROJ: (32, 64)}, r"k_proj\.weight of shape \(32, 64\) and .*v_proj.* do not agree"),
        (V2, {K_PROJ: (32, 64), V_PROJ: (32, 64)}, "k_proj.weight has 32 rows, not heads of 64"),
        (V2, {K_PROJ: None}, r"there is no .*k_proj\.weight"),
    ],
)
def test_sizes_that_cannot_be_told(family: Any, shapes: dict[str, Any], message: str, paper: Paper) -> None:
    with pytest.raises(CheckpointError, match=f"do not tell the sizes of {family.id}: .*{message}"):
        opened(paper(family.id, **shapes))


def test_an_added_tensor_makes_no_layer(paper: Paper) -> None:
    name = "model.qwen2_model.model.model.layers.2.input_layernorm.weight"
    found = opened(paper(V2.id, **{name.replace(".", "__"): (64,)}))
    assert check_keys(found) == {"missing": [], "unexpected": [name], "mismatched": []}


def test_a_published_encoder_has_all_its_layers(data_dir: Path, tmp_path: Path) -> None:
    """Its config.json does not say how many there are, and a list of shapes has no index."""
    folder = data_dir / "checkpoints"
    shapes = read_json(folder / "deepseek_ocr_2.shapes.json")
    last = [name for name in shapes["tensors"] if name.startswith("model.qwen2_model.model.model.layers.23.")]
    shapes["tensors"] = {name: shape for name, shape in shapes["tensors"].items() if name not in last}
    (tmp_path / "shapes.json").write_text(json.dumps(shapes))
    report = check_paper(tmp_path / "shapes.json", folder / "deepseek_ocr_2.config.json", device="cpu")
    assert (report.missing, report.unexpected, report.mismatched) == (len(last), 0, 0)


@pytest.mark.parametrize("shape", ["8", [1.5], [-1], [10**30], [True], None])
def test_shapes_that_no_tensor_has_are_refused(shape: object, stock: dict[str, Stock], tmp_path: Path) -> None:
    (tmp_path / "shapes.json").write_text(json.dumps({"tensors": {"model.norm.weight": shape}}))
    with pytest.raises(CheckpointError, match="shape"):
        check_paper(tmp_path / "shapes.json", stock[V1.id][0] / "config.json", device="cpu")


# ---- the index ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weight_map", "message"),
    [
        (None, "no 'weight_map'"),
        ([FILE], "no 'weight_map'"),
        ({}, "no 'weight_map'"),
        ({"lm_head.weight": 5}, "names no file for lm_head"),
        ({"lm_head.weight": None}, "names no file for lm_head"),
        ({"lm_head.weight": [FILE]}, "names no file for lm_head"),
        ({"lm_head.weight": ""}, "names no file for lm_head"),
        ({"lm_head.weight": "../outside.safetensors"}, r"outside\.safetensors for lm_head\.weight, which is outside"),
        ({"lm_head.weight": "..\\outside.safetensors"}, "which is outside"),
        ({"lm_head.weight": "/outside.safetensors"}, "which is outside"),
        ({"lm_head.weight": "sub/gone.safetensors"}, r"lacks gone\.safetensors"),
    ],
)
def test_an_index_that_names_no_files_is_refused(weight_map: object, message: str, paper: Paper) -> None:
    folder = paper()
    (folder.parent / "outside.safetensors").write_bytes((folder / FILE).read_bytes())
    (folder / INDEX).write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(CheckpointError, match=message):
        open_folder(folder)


def test_every_tensor_of_the_index_is_in_its_file(stock: dict[str, Stock], paper: Paper) -> None:
    """DeepSeek-OCR-2's config.json does not say how many layers its encoder has: only the index knows of a lost one."""
    shapes = _shapes(stock, V2.id)
    last = sorted(name for name in shapes if name.startswith("model.qwen2_model.model.model.layers.1."))
    folder = paper(V2.id, **dict.fromkeys(name.replace(".", "__") for name in last))
    assert not any(check_keys(open_folder(folder)).values())
    (folder / INDEX).write_text(json.dumps({"weight_map": dict.fromkeys(shapes, FILE)}))
    with pytest.raises(CheckpointError, match=rf"{FILE} in .* lacks {last[0]}, {last[1]}, {last[2]} and 9 more"):
        open_folder(folder)


def test_a_tensor_in_another_file_than_the_index_says_is_refused(stock: dict[str, Stock], paper: Paper) -> None:
    folder = paper()
    save_file({"more": torch.zeros(1)}, folder / "more.safetensors")
    (folder / INDEX).write_text(json.dumps({"weight_map": {"more": FILE, "lm_head.weight": "more.safetensors"}}))
    with pytest.raises(CheckpointError, match=r"lacks lm_head\.weight, more, which"):
        open_folder(folder)


# ---- headers --------------------------------------------------------------------------------------------------------

GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "header",
    [
        {"a": GOOD | {"data_offsets": [0, 4]}},  # less than the shape needs
        {"a": GOOD | {"shape": [1]}},
        {"a": GOOD, "b": GOOD},  # one over the other
        {"a": GOOD | {"data_offsets": [-8, 0]}},
        {"a": GOOD | {"data_offsets": [8, 0]}},
        {"a": GOOD | {"data_offsets": [0]}},
        {"a": GOOD | {"data_offsets": None}},
        {"a": GOOD | {"data_offsets": [0, 8.5]}},
        {"a": GOOD | {"data_offsets": [0, "8"]}},
        {"a": {"dtype": "F32", "data_offsets": [0, 8]}},
        {"a": {"shape": [2], "data_offsets": [0, 8]}},
        {"a": GOOD | {"shape": None}},
        {"a": GOOD | {"shape": [2.0]}},
        {"a": GOOD | {"shape": [-2]}},
        {"a": GOOD | {"dtype": "F33"}},
        {"a": GOOD | {"dtype": None}},
        {"a": []},
        {"a": None},
        [],
        5,
    ],
)
def test_a_header_that_does_not_hold_together_is_refused(header: object, tmp_path: Path) -> None:
    _written(tmp_path / FILE, json.dumps(header))
    with pytest.raises(CheckpointError, match=r"model\.safetensors is no safetensors file: "):
        read_header(tmp_path / FILE)


def _written(file: Path, header: str, data: bytes = b"12345678") -> None:
    file.write_bytes(len(header).to_bytes(8, "little") + header.encode() + data)


def test_a_header_of_brackets_or_of_no_end_is_refused(tmp_path: Path) -> None:
    _written(tmp_path / FILE, "[" * 200_000)
    with pytest.raises(CheckpointError, match="is no safetensors file"):
        read_header(tmp_path / FILE)
    (tmp_path / FILE).write_bytes(b"\xff" * 16)
    with pytest.raises(CheckpointError, match="header is longer than the file"):
        read_header(tmp_path / FILE)
    _written(tmp_path / FILE, json.dumps({"a": GOOD}), b"123")
    with pytest.raises(CheckpointError, match="5 bytes are missing at its end"):
        read_header(tmp_path / FILE)


@pytest.mark.parametrize("dtype", ["F64", "I64", "I8", "F8_E4M3", "BOOL"])
def test_numbers_that_cannot_be_weights_are_refused(dtype: str, paper: Paper) -> None:
    folder = paper()
    _retyped(folder / FILE, "lm_head.weight", dtype)
    found = open_folder(folder)
    assert check_keys(found)["mismatched"] == [f"lm_head.weight of {dtype}, not BF16, F16, F32"]
    with pytest.raises(CheckpointError, match=rf"1 mismatched: lm_head\.weight of {dtype}, not BF16, F16, F32"):
        load_half(found, "decoder")
    load_half(found, "encoder")


def test_a_tensor_that_nothing_uses_may_have_any_numbers(paper: Paper) -> None:
    folder = paper(model__vision_model__embeddings__position_ids=(1, 257))
    _retyped(folder / FILE, "model.vision_model.embeddings.position_ids", "I64")
    assert not any(check_keys(open_folder(folder)).values())


def _retyped(file: Path, name: str, dtype: str) -> None:
    """Rewrites a file of zeros so that one tensor has numbers of another kind."""
    sizes = {"BF16": 2, "F64": 8, "I64": 8, "I8": 1, "F8_E4M3": 1, "BOOL": 1}
    at, header = 0, {}
    for key, tensor in read_header(file).tensors.items():
        kind = dtype if key == name else tensor["dtype"]
        size = sizes[kind] * int(torch.Size(tensor["shape"]).numel())
        header[key] = {"dtype": kind, "shape": tensor["shape"], "data_offsets": [at, at := at + size]}
    text = json.dumps(header)
    _written(file, text, b"")
    with file.open("r+b") as opened_file:
        opened_file.truncate(8 + len(text) + at)


def test_a_newline_of_another_width_is_named_where_a_page_is_read(paper: Paper) -> None:
    """Also by a process that reads cached pages on servers, and loads neither half."""
    reader = open_reader(str(paper(model__image_newline=(32,))))
    assert isinstance(reader, DeepseekReader)
    with pytest.raises(CheckpointError, match=r"model\.image_newline of shape \(32,\), not \(64,\)"):
        _ = reader._constants


# ---- pocket ---------------------------------------------------------------------------------------------------------

EXPERT = "model.layers.0.mlp.experts.3.down_proj.weight"


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        (EXPERT, None, f"1 missing: {EXPERT}$"),
        (EXPERT, (128, 288), "experts.3.down_proj.weight of shape "),
        (EXPERT.replace("3", "8"), (288, 128), r"1 unexpected: .*experts\.8\.down_proj\.weight$"),
        ("lm_head.weight", (5, 288), r"lm_head\.weight of shape \(5, 288\), not "),
        ("lm_head.weight_more", (5,), r"1 unexpected: lm_head\.weight_more$"),
        ("model.norm.weight", None, r"1 missing: model\.language_model\.norm\.weight$"),
    ],
)
def test_pocket_is_not_loaded_with_one_wrong_tensor(
    name: str, shape: tuple[int, ...] | None, message: str, tmp_path: Path
) -> None:
    shapes = dict(written_shapes(UnlimitedOcrForConditionalGeneration, pocket_config()))
    shapes.pop(name, None)
    (tmp_path / "config.json").write_bytes((POCKET / "config.json").read_bytes())
    write_sparse(tmp_path / FILE, shapes | ({} if shape is None else {name: shape}))
    with pytest.raises(CheckpointError, match=message):
        load_stock(UnlimitedOcrForConditionalGeneration, tmp_path, pocket_config())
