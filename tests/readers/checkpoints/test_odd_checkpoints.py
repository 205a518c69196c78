"""Checkpoint folders whose config.json, or sizes, no model can have are refused with a word on what
is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.small_checkpoints import Stock
from support.zero_checkpoints import Paper, paper_in

from optical_memory.errors import CheckpointError
from optical_memory.readers import open_reader
from optical_memory.readers.check import check_paper
from optical_memory.readers.checkpoints.safetensors_files import read_json
from optical_memory.readers.deepseek.config import Published
from optical_memory.readers.deepseek.families import V1, V2
from optical_memory.readers.deepseek.halves import differences
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.deepseek.weights import check_keys


@pytest.fixture
def paper(stock: dict[str, Stock], tmp_path: Path) -> Paper:
    return paper_in(tmp_path / "paper", stock)


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


# ---- config.json ---------------------------------------------------------------------------------

SAM, CLIP = "vision_config/width/sam_vit_b", "vision_config/width/clip-l-14-224"


@pytest.mark.parametrize("value", ["8", None, 8.0, True, 0, -1, 10**9, [8]])
@pytest.mark.parametrize(
    "name",
    ["language_config/n_routed_experts", "language_config/num_hidden_layers", SAM + "/layers"],
)
def test_a_count_is_a_positive_whole_number(name: str, value: object, paper: Paper) -> None:
    with pytest.raises(
        CheckpointError, match=rf"{name.split('/')[-1]} is .*, not a whole number from 1 to"
    ):
        open_reader(str(paper(config=said(name, value))))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("language_config/num_attention_heads", 3, "hidden_size is 64, not a multiple of 6"),
        ("language_config/num_attention_heads", 0, "num_attention_heads is 0"),
        ("language_config/num_attention_heads", 64, "their widths are even"),
        ("language_config/num_key_value_heads", 4, "num_attention_heads is 2, not a multiple of 4"),
        (
            "language_config/first_k_dense_replace",
            9,
            "first_k_dense_replace is 9, not a whole number from 0 to 3",
        ),
        ("language_config/first_k_dense_replace", -1, "first_k_dense_replace is -1"),
        (
            "language_config/num_experts_per_tok",
            100,
            "num_experts_per_tok is 100, not a whole number from 1 to 8",
        ),
        ("language_config/num_experts_per_tok", 0, "num_experts_per_tok is 0"),
        (
            "language_config/topk_method",
            "noaux_tc",
            "topk_method is 'noaux_tc', which the stock class does not know",
        ),
        ("language_config/topk_method", ["greedy"], r"topk_method is \['greedy'\]"),
        ("language_config/vocab_size", 1, "vocab_size is 1, not a whole number from 128816 to"),
        ("language_config/n_group", "1", "n_group is '1'"),
        ("language_config/sliding_window", "x", "sliding_window is 'x'"),
        ("language_config", [], "no object language_config"),
        ("language_config", None, "no object language_config"),
        ("vision_config", {}, r"no object vision_config\.width\.sam_vit_b"),
        (SAM + "/heads", 0, "heads is 0"),
        (SAM + "/heads", 3, "width is 32, not a multiple of 3"),
        (
            SAM + "/global_attn_indexes",
            [9],
            "global_attn_indexes is .9., not a list of layers from 0 to 1",
        ),
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
def test_numbers_that_no_model_has_are_refused(
    path: str, value: object, message: str, paper: Paper
) -> None:
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
    with pytest.raises(
        CheckpointError, match=r"config\.json (does not read as JSON|is not a JSON object)"
    ):
        open_reader(str(folder))


def test_the_second_encoder_s_width_is_checked(paper: Paper) -> None:
    with pytest.raises(CheckpointError, match="dim is 65, not a multiple of 64"):
        open_reader(str(paper(V2.id, said("vision_config/width/qwen2-0-5b/dim", 65))))


# ---- sizes that tensors tell ---------------------------------------------------------------------

K_PROJ = "model__qwen2_model__model__model__layers__0__self_attn__k_proj__weight"
V_PROJ = K_PROJ.replace("k_proj", "v_proj")


@pytest.mark.parametrize(
    ("family", "shapes", "message"),
    [
        (V1, {"model__sam_model__pos_embed": (64,)}, r"pos_embed has the shape \(64,\)"),
        (V1, {"model__sam_model__pos_embed": (1, 64, 63, 32)}, "do not agree"),
        (V1, {"model__sam_model__neck__0__weight": ()}, r"neck\.0\.weight has the shape \(\)"),
        (
            V1,
            {"model__sam_model__neck__0__weight": (0, 32, 1, 1)},
            r"neck\.0\.weight has the shape \(0, 32",
        ),
        (V2, {K_PROJ: (32, 64)}, r"k_proj\.weight of shape \(32, 64\) and .*v_proj.* do not agree"),
        (V2, {K_PROJ: (32, 64), V_PROJ: (32, 64)}, "k_proj.weight has 32 rows, not heads of 64"),
        (V2, {K_PROJ: None}, r"there is no .*k_proj\.weight"),
    ],
)
def test_sizes_that_cannot_be_told(
    family: Any, shapes: dict[str, Any], message: str, paper: Paper
) -> None:
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
    last = [
        name
        for name in shapes["tensors"]
        if name.startswith("model.qwen2_model.model.model.layers.23.")
    ]
    shapes["tensors"] = {
        name: shape for name, shape in shapes["tensors"].items() if name not in last
    }
    (tmp_path / "shapes.json").write_text(json.dumps(shapes))
    report = check_paper(
        tmp_path / "shapes.json", folder / "deepseek_ocr_2.config.json", device="cpu"
    )
    assert (report.missing, report.unexpected, report.mismatched) == (len(last), 0, 0)


@pytest.mark.parametrize("shape", ["8", [1.5], [-1], [10**30], [True], None])
def test_shapes_that_no_tensor_has_are_refused(
    shape: object, stock: dict[str, Stock], tmp_path: Path
) -> None:
    (tmp_path / "shapes.json").write_text(json.dumps({"tensors": {"model.norm.weight": shape}}))
    with pytest.raises(CheckpointError, match="shape"):
        check_paper(tmp_path / "shapes.json", stock[V1.id][0] / "config.json", device="cpu")
