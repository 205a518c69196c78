"""Checkpoint folders whose config.json, or sizes, no model can have are refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.readers.small_checkpoints import Stock
from support.readers.zero_checkpoints import WriteZeros, zeros_in

from optical_memory.errors import CheckpointError
from optical_memory.readers import open_reader
from optical_memory.readers.checkpoints.strict_load import KeyDifferences
from optical_memory.readers.deepseek.families import V1, V2
from optical_memory.readers.deepseek.halves import differences
from optical_memory.readers.deepseek.open_folder import DeepseekCheckpoint
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.deepseek.weights import check_keys

Change = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def write_zeros(stock: dict[str, Stock], tmp_path: Path) -> WriteZeros:
    return zeros_in(tmp_path / "zeros", stock)


def set_value(path: str, value: object) -> Change:
    """A change of config.json that sets a value."""
    *parents, key = path.split("/")

    def change(config_json: dict[str, Any]) -> dict[str, Any]:
        section = config_json
        for name in parents:
            section = section[name]
        section[key] = value
        return config_json

    return change


def remove_value(path: str) -> Change:
    """A change of config.json that removes a value."""
    *parents, key = path.split("/")

    def change(config_json: dict[str, Any]) -> dict[str, Any]:
        section = config_json
        for name in parents:
            section = section[name]
        del section[key]
        return config_json

    return change


def open_checkpoint(folder: Path) -> DeepseekCheckpoint:
    """A checkpoint whose config.json and keys were looked at."""
    reader = open_reader(str(folder))
    assert isinstance(reader, DeepseekReader)
    assert reader.profile.dim == 64
    differences(reader.checkpoint)
    return reader.checkpoint


def test_a_checkpoint_of_zeros_fits(write_zeros: WriteZeros) -> None:
    assert check_keys(open_checkpoint(write_zeros())).is_empty


# ---- config.json ---------------------------------------------------------------------------------

SAM = "vision_config/width/sam_vit_b"
CLIP = "vision_config/width/clip-l-14-224"


@pytest.mark.parametrize("value", ["8", None, 8.0, True, 0, -1, 10**9, [8]])
@pytest.mark.parametrize(
    "name",
    ["language_config/n_routed_experts", "language_config/num_hidden_layers", SAM + "/layers"],
)
def test_a_count_is_a_positive_whole_number(
    name: str, value: object, write_zeros: WriteZeros
) -> None:
    key = name.replace("/", r"\.")
    with pytest.raises(CheckpointError, match=rf"config\.json: {key} is .*: Input should be"):
        open_reader(str(write_zeros(change=set_value(name, value))))


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
            "first_k_dense_replace is 9, more than 3, the number of layers",
        ),
        ("language_config/first_k_dense_replace", -1, "first_k_dense_replace is -1"),
        (
            "language_config/num_experts_per_tok",
            100,
            "num_experts_per_tok is 100, more than 8, the number of experts",
        ),
        ("language_config/num_experts_per_tok", 0, "num_experts_per_tok is 0"),
        (
            "language_config/topk_method",
            "noaux_tc",
            "topk_method is 'noaux_tc': Input should be 'greedy' or 'group_limited_greedy'",
        ),
        ("language_config/topk_method", ["greedy"], r"topk_method is \['greedy'\]"),
        ("language_config/vocab_size", 1, "vocab_size is 1: Input should be greater than 128815"),
        ("language_config/n_group", "1", "n_group is '1'"),
        ("language_config/sliding_window", "x", "sliding_window is 'x'"),
        ("language_config/n_routed_experts", 999, "999 is more than the .* tensors of the files"),
        ("language_config/n_group", 9, "n_group is 9, more than 8, the number of experts"),
        ("language_config", [], r"language_config is \[\]: Input should be an object"),
        ("language_config", None, "language_config is None: Input should be an object"),
        ("vision_config", {}, r"vision_config\.width\.sam_vit_b is missing"),
        ("vision_config", [1], r"vision_config\.width\.sam_vit_b is missing"),
        ("vision_config/width", None, r"vision_config\.width\.sam_vit_b is missing"),
        (SAM, 5, r"vision_config\.width\.sam_vit_b is 5: Input should be an object"),
        (SAM + "/layers", 999, r"sam_vit_b\.layers: 999 is more than the .* tensors"),
        (SAM + "/heads", 0, "heads is 0"),
        (SAM + "/heads", 3, "width is 32, not a multiple of 3"),
        (
            SAM + "/global_attn_indexes",
            [9],
            "global_attn_indexes is .9., not a list of layers from 0 to 1",
        ),
        (SAM + "/global_attn_indexes", 1, "global_attn_indexes is 1"),
        (SAM + "/global_attn_indexes", [True], r"global_attn_indexes\.0 is True"),
        (CLIP + "/heads", 0, "heads is 0"),
        (CLIP + "/patch_size", 0, "patch_size is 0"),
        (CLIP + "/patch_size", 225, "patch_size is 225, more than 224, the image_size"),
        (CLIP + "/image_size", None, "image_size is None"),
        ("architectures", {"a": 1}, "architectures {'a': 1}: known are DeepseekOCR"),
        ("architectures", 5, "architectures 5"),
        ("architectures", [["x"]], r"architectures \[\['x'\]\]"),
        ("architectures", [], r"architectures \[\]"),
    ],
)
def test_numbers_that_no_model_has_are_refused(
    path: str, value: object, message: str, write_zeros: WriteZeros
) -> None:
    with pytest.raises(CheckpointError, match=message):
        open_reader(str(write_zeros(change=set_value(path, value))))


@pytest.mark.parametrize(
    "path",
    [
        "language_config",
        "language_config/hidden_size",
        "language_config/n_group",
        "language_config/topk_method",
        SAM + "/global_attn_indexes",
        CLIP,
        CLIP + "/width",
    ],
)
def test_a_section_or_number_that_is_not_there_is_named(path: str, write_zeros: WriteZeros) -> None:
    key = path.replace("/", r"\.")
    with pytest.raises(CheckpointError, match=rf"config\.json: {key} is missing"):
        open_reader(str(write_zeros(change=remove_value(path))))


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"n_group": 3}, "n_routed_experts is 8, not a multiple of 3"),
        ({"n_group": None}, "n_group or topk_group is None"),
        ({"n_group": 2, "topk_group": 4}, "topk_group is 4, more than 2"),
    ],
)
def test_groups_of_experts_are_checked_where_they_are_used(
    groups: dict[str, Any], message: str, write_zeros: WriteZeros
) -> None:
    def change(config_json: dict[str, Any]) -> dict[str, Any]:
        config_json["language_config"] |= {"topk_method": "group_limited_greedy"} | groups
        return config_json

    with pytest.raises(CheckpointError, match=message):
        open_reader(str(write_zeros(change=change)))


@pytest.mark.parametrize("window", [None, 0, False, 128])
def test_a_sliding_window_may_be_off(window: object, write_zeros: WriteZeros) -> None:
    open_checkpoint(write_zeros(change=set_value("language_config/sliding_window", window)))


def test_groups_may_be_off_where_they_are_not_used(write_zeros: WriteZeros) -> None:
    open_reader(str(write_zeros(change=set_value("language_config/n_group", None))))


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "[]", "", "\ufffe{"])
def test_a_config_that_is_no_json_object_is_refused(text: str, write_zeros: WriteZeros) -> None:
    folder = write_zeros()
    (folder / "config.json").write_text(text)
    with pytest.raises(
        CheckpointError, match=r"config\.json (does not read as JSON|is not a JSON object)"
    ):
        open_reader(str(folder))


def test_the_second_encoder_s_width_is_checked(write_zeros: WriteZeros) -> None:
    with pytest.raises(CheckpointError, match="dim is 65: Input should be a multiple of 64"):
        open_reader(str(write_zeros(V2.id, set_value("vision_config/width/qwen2-0-5b/dim", 65))))


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
    family: Any, shapes: dict[str, Any], message: str, write_zeros: WriteZeros
) -> None:
    with pytest.raises(CheckpointError, match=f"do not tell the sizes of {family.id}: .*{message}"):
        open_checkpoint(write_zeros(family.id, **shapes))


def test_an_added_tensor_makes_no_layer(write_zeros: WriteZeros) -> None:
    name = "model.qwen2_model.model.model.layers.2.input_layernorm.weight"
    checkpoint = open_checkpoint(write_zeros(V2.id, **{name.replace(".", "__"): (64,)}))
    assert check_keys(checkpoint) == KeyDifferences(unexpected=(name,))
