"""pocket's training: it begins with weights that read already, and goes on from the checkpoint that
ships.
"""

from __future__ import annotations

import importlib
import json
import lzma
import os
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from optical_memory.readers.pocket.network import SLOTS, cell_geometry, chars_to_ids, network_pixels
from optical_memory.readers.pocket.reader import CHECKPOINT, LADDER, PocketReader
from optical_memory.renderers.drawing import draw_cells

TRAINING = Path(__file__).parents[2] / "training"

pytestmark = [
    pytest.mark.skipif(not TRAINING.is_dir(), reason="training/ is not in the wheel"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def scripts() -> dict[str, ModuleType]:
    sys.path.insert(0, str(TRAINING))
    try:
        return {name: importlib.import_module(name) for name in ("start", "text", "train_pocket")}
    finally:
        sys.path.remove(str(TRAINING))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text folder: made-up prose and code, 200,000 characters each."""
    folder, rng = tmp_path_factory.mktemp("text"), random.Random(0)
    words = ["".join(rng.choices("etaoinshrdlu", k=rng.randint(2, 9))) for _ in range(500)]
    for name, mark in (("en_made_up", ". "), ("code_made_up", "();\n")):
        text = "".join(f"{rng.choice(words)} {rng.choice(words)}{mark}" for _ in range(20_000))[
            :200_000
        ]
        (folder / f"{name}.txt.xz").write_bytes(lzma.compress(text.encode(), preset=0))
    return folder


def test_patches_are_put_together_as_they_are_cut(scripts: dict[str, ModuleType]) -> None:
    for slots in SLOTS:
        patches = torch.randn(3, 256)
        cut = scripts["start"].windows(patches, slots)
        assert cut.shape == (3 * 256 // (slots.width * slots.height), slots.width * slots.height)
        assert torch.equal(scripts["start"].joined(cut, slots), patches)


def test_a_constructed_start_reads_before_it_is_trained(
    scripts: dict[str, ModuleType], folder: Path
) -> None:
    train, texts = scripts["train_pocket"], scripts["text"].Texts(folder)
    model, cells = scripts["start"].new_model(*train.sample(texts, 0), steps=800)
    rng = random.Random(1)
    for side, least in (
        (512, 0.3),
        (1024, 0.8),
    ):  # after seconds of fitting; a whole start takes minutes
        codes = scripts["text"].page_codes(texts, train.PAGE, rng, "random")
        y, x = np.divmod(np.arange(64 * 128), 128)
        where = cell_geometry(x, y, columns=128, rows=64, side_px=side)
        with torch.inference_mode():
            pixels = network_pixels(draw_cells(codes, side)[None])
            _, _, logits = train.see((model, cells), pixels, where, 0.0, False)
        inked = (codes != ord(" ")).reshape(-1)
        right = logits[0].argmax(-1).numpy() == chars_to_ids(codes).reshape(-1)
        assert right[inked].mean() > least


def _run(command: list[str]) -> None:
    """A script of training/, with its own folder on the path (`make test` keeps the working
    directory off it).
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr


def test_training_goes_on_from_the_shipped_checkpoint(folder: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(TRAINING / "train_pocket.py"),
        "--text",
        str(folder),
        "--run",
        str(tmp_path / "run"),
    ]
    command += [
        "--start",
        str(CHECKPOINT),
        "--minutes",
        "0.05",
        "--table-pages",
        "0",
        "--device",
        "cpu",
    ]
    _run(command)
    assert json.loads((tmp_path / "run" / "state.json").read_text())["step"] >= 1
    _run(
        [
            sys.executable,
            str(TRAINING / "ship.py"),
            str(tmp_path / "run"),
            str(tmp_path / "shipped"),
        ]
    )
    command = [
        sys.executable,
        str(TRAINING / "calibrate.py"),
        "--text",
        str(folder),
        str(tmp_path / "shipped"),
    ]
    _run([*command, "--pages", "1"])
    before, after = (
        load_file(folder / "cells.safetensors") for folder in (CHECKPOINT, tmp_path / "shipped")
    )
    change = max(float((before[name].float() - after[name].float()).abs().max()) for name in before)
    assert 0 < change < 0.1
    mixes = PocketReader(tmp_path / "shipped")._network.mixes
    assert {rung.name for rung in LADDER} == set(mixes)
