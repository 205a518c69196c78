"""What this machine lacks for a checkpoint is told before loading: a device, memory, the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.readers.change_checkpoint import change_checkpoint
from support.readers.small_checkpoints import LAYERS, Stock

from optical_memory.errors import CheckpointError, NotEnoughMemory, ReaderUnavailable
from optical_memory.readers import open_reader
from optical_memory.readers.check import check_reader
from optical_memory.readers.checkpoints import memory_check
from optical_memory.readers.checkpoints.devices import Device, choose_device
from optical_memory.readers.deepseek import local_decoder
from optical_memory.readers.deepseek.families import V1
from optical_memory.readers.deepseek.local_decoder import LocalDecoder
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.language.decoder import Guard, Task
from optical_memory.readers.language.tokenizer import ocr_tokenizer
from optical_memory.readers.pocket.reader import PocketReader

# ---- devices and memory --------------------------------------------------------------------------


def test_the_environment_says_what_nobody_else_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTICAL_MEMORY_DTYPE", "bfloat16")
    monkeypatch.setenv("OPTICAL_MEMORY_DEVICE", "cpu")
    assert choose_device("encoder") == Device("cpu", torch.bfloat16)
    assert choose_device("encoder", dtype="float32") == Device("cpu", torch.float32)
    monkeypatch.setenv("OPTICAL_MEMORY_DTYPE", "int3")
    with pytest.raises(ReaderUnavailable, match="no dtype 'int3'"):
        choose_device("encoder")


def test_each_half_has_the_best_dtype_of_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPTICAL_MEMORY_DTYPE", raising=False)
    assert choose_device("encoder", "cpu") == Device("cpu", torch.float32)
    assert choose_device("decoder", "cpu") == Device("cpu", torch.bfloat16)
    assert choose_device("decoder", "cpu").dtype_name == "bfloat16"


def test_a_device_that_is_not_there_is_told(stock: dict[str, Stock]) -> None:
    with pytest.raises(ReaderUnavailable, match="no device 'tpu' here; there is auto, cpu"):
        check_reader(str(stock[V1.id][0]), device="tpu")


def test_too_little_memory_is_told_before_loading(
    stock: dict[str, Stock], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_check, "free_bytes", lambda device: 1000)
    reader = DeepseekReader(stock[V1.id][0], device="cpu", dtype="float32")
    decoder: Any = reader.decoder
    message = r"decoder of deepseek-ocr needs 0\.1 GiB in float32 on cpu, 0\.0 GiB"
    with pytest.raises(NotEnoughMemory, match=message):
        _ = decoder.model
    with pytest.raises(NotEnoughMemory, match="encoder of deepseek-ocr needs"):
        _ = reader.encoder.model


@pytest.mark.parametrize(
    ("n_free_pages", "n_pages"), [(0, 8), (2 * 20, 20), (2 * 1000, 64)], ids=["few", "some", "many"]
)
def test_a_gpu_decodes_as_many_pages_at_once_as_have_room(
    n_free_pages: int, n_pages: int, stock: dict[str, Stock], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = DeepseekReader(stock[V1.id][0]).checkpoint
    decoder = LocalDecoder(checkpoint, ocr_tokenizer(), Device("cuda", torch.bfloat16))
    task = Task(np.zeros((73, 64), np.float32), "", 27, Guard())
    page_bytes = 100 * 2 * 2 * LAYERS * 64  # tokens, keys and values of two bytes, layers, width
    monkeypatch.setattr(local_decoder, "free_bytes", lambda device: n_free_pages * page_bytes)
    assert decoder._pages_at_once([task]) == n_pages
    on_cpu = LocalDecoder(checkpoint, ocr_tokenizer(), Device("cpu", torch.bfloat16))
    assert on_cpu._pages_at_once([task]) == 8


def test_pocket_runs_on_the_device_that_is_named() -> None:
    assert PocketReader(device="cpu").network.model.device.type == "cpu"
    with pytest.raises(ReaderUnavailable, match="no device 'tpu' here"):
        _ = PocketReader(device="tpu").network


# ---- names ---------------------------------------------------------------------------------------


def test_a_model_of_no_known_family_is_refused(stock: dict[str, Stock], tmp_path: Path) -> None:
    folder = change_checkpoint(stock[V1.id][0], tmp_path / "other")
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["LlamaForCausalLM"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="LlamaForCausalLM"):
        open_reader(str(folder))


def test_a_name_that_is_nowhere_says_what_can_be_named() -> None:
    with pytest.raises(CheckpointError, match="'pocket', a folder"):
        open_reader("poket")
    with pytest.raises(CheckpointError, match="no reader ''"):
        open_reader("")
    with pytest.raises(CheckpointError, match="IPv6"):
        open_reader("vllm+http://[::1?checkpoint=x")
    with pytest.raises(CheckpointError, match="OPTICAL_MEMORY_DOWNLOAD=1"):
        open_reader("deepseek-ai/No-Such-Model")
