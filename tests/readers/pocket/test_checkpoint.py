"""pocket's checkpoint: loaded once and strictly, or refused; light to import and small to ship."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers.utils import logging

from optical_memory.errors import CheckpointError
from optical_memory.profiles import Rung
from optical_memory.readers import open_reader
from optical_memory.readers.pocket import PocketReader, load
from optical_memory.readers.pocket.files import CALIBRATION, CHECKPOINT
from optical_memory.readers.pocket.load import load_network
from optical_memory.readers.pocket.network import PocketNetwork


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(CHECKPOINT, tmp_path / "pocket")


def _load(folder: Path) -> None:
    _ = PocketReader(folder).network


@pytest.mark.parametrize("file", ["model.safetensors", "cells.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "unexpected", "mismatched"])
def test_a_checkpoint_with_a_wrong_key_is_refused(copy: Path, file: str, damage: str) -> None:
    state = load_file(copy / file)
    key = next(k for k in sorted(state) if state[k].ndim == 2)
    if damage == "missing":
        del state[key]
    elif damage == "unexpected":
        state["model.not_ours"] = torch.zeros(2)
    else:
        state[key] = torch.zeros(3, 3)
    save_file(state, copy / file, metadata={"format": "pt"})

    with pytest.raises(CheckpointError):
        _load(copy)


def test_a_truncated_checkpoint_is_refused(copy: Path) -> None:
    data = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(data[: len(data) // 2])

    with pytest.raises(CheckpointError):
        _load(copy)


@pytest.mark.parametrize("content", [None, "[]", "{", "{}", '{"base": {"decoder": "x"}}'])
def test_a_checkpoint_that_does_not_say_how_to_weigh_its_readings_is_refused(
    copy: Path, content: str | None
) -> None:
    (copy / CALIBRATION).unlink()
    if content is not None:
        (copy / CALIBRATION).write_text(content)

    with pytest.raises(CheckpointError):
        _load(copy)


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no reader"):
        open_reader(str(tmp_path))


def test_the_weights_load_once_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[Path] = []

    def count(folder: Path, ladder: tuple[Rung, ...], device: str) -> PocketNetwork:
        folders.append(folder)
        return load_network(folder, ladder, device)

    monkeypatch.setattr(load, "load_network", count)
    reader = PocketReader()
    with ThreadPoolExecutor(4) as pool:
        networks = list(pool.map(lambda _: reader.network, range(4)))
    assert folders == [CHECKPOINT]
    assert all(network is networks[0] for network in networks)


def test_loading_writes_nothing_on_the_callers_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    shown_before = logging.is_progress_bar_enabled()
    logging.enable_progress_bar()
    try:
        _load(CHECKPOINT)
        assert logging.is_progress_bar_enabled()
    finally:
        if not shown_before:
            logging.disable_progress_bar()
    assert capfd.readouterr() == ("", "")


def test_the_model_card_has_no_gaps_and_counts_right() -> None:
    card = (CHECKPOINT / "README.md").read_text()
    network = PocketReader().network
    n_model = sum(weight.numel() for weight in network.model.parameters())
    n_cells = sum(weight.numel() for weight in network.cells.parameters())
    assert f"{(n_model + n_cells) / 1e6:.1f} M" in card
    assert not re.search(r"\b[A-Z]{6,}\b", card)


def test_the_checkpoint_is_small_enough_for_the_wheel() -> None:
    assert sum(file.stat().st_size for file in CHECKPOINT.iterdir()) <= 40_000_000


def _run(program: str) -> None:
    """Run a program in a fresh interpreter; its own assertions must hold."""
    environment = {name: value for name, value in os.environ.items() if "OMP" not in name}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def test_importing_the_reader_and_asking_for_its_profile_loads_no_torch() -> None:
    _run("""
import sys
from optical_memory.readers.pocket import PocketReader
assert PocketReader().profile.id == "pocket"
assert "torch" not in sys.modules
""")


def test_a_reader_lets_the_threads_of_torch_wait_passively() -> None:
    _run("""
import os
from optical_memory.readers.pocket import PocketReader
PocketReader()
assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
""")
