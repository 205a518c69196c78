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
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from optical_memory.readers.pocket import PocketReader
from optical_memory.readers.pocket.cell_geometry import SLOTS
from optical_memory.readers.pocket.files import CELLS, CHECKPOINT
from optical_memory.readers.pocket.network import pixel_values
from optical_memory.readers.pocket.reader import LADDER
from optical_memory.readers.pocket.token_ids import chars_to_ids
from optical_memory.renderers.drawing import draw_cells

TRAINING = Path(__file__).parents[2] / "training"
SCRIPTS = ("batches", "forward", "slot_code", "start", "text")

pytestmark = [
    pytest.mark.skipif(not TRAINING.is_dir(), reason="training/ is not in the wheel"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def scripts() -> Iterator[dict[str, ModuleType]]:
    """The modules of training/, which import each other by their bare names."""
    sys.path.insert(0, str(TRAINING))
    yield {name: importlib.import_module(name) for name in SCRIPTS}
    sys.path.remove(str(TRAINING))


@pytest.fixture(scope="module")
def text_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text folder: made-up prose and code, 200,000 characters each."""
    folder = tmp_path_factory.mktemp("text")
    rng = random.Random(0)
    words = ["".join(rng.choices("etaoinshrdlu", k=rng.randint(2, 9))) for _ in range(500)]
    for name, end in (("en_made_up", ". "), ("code_made_up", "();\n")):
        sentences = [f"{rng.choice(words)} {rng.choice(words)}{end}" for _ in range(20_000)]
        text = "".join(sentences)[:200_000]
        (folder / f"{name}.txt.xz").write_bytes(lzma.compress(text.encode(), preset=0))
    return folder


# ---- the start -----------------------------------------------------------------------------------


def test_patches_are_put_together_as_they_are_cut(scripts: dict[str, ModuleType]) -> None:
    slot_code = scripts["slot_code"]
    for slots in SLOTS:
        patches = torch.randn(3, 256)
        cells = slot_code.cut_slots(patches, slots)
        n_pixels = slots.width * slots.height
        assert cells.shape == (3 * 256 // n_pixels, n_pixels)
        assert torch.equal(slot_code.join_slots(cells, slots), patches)


def test_a_constructed_start_reads_before_it_is_trained(
    scripts: dict[str, ModuleType], text_folder: Path
) -> None:
    batches = scripts["batches"]
    forward = scripts["forward"]
    texts = scripts["text"].Texts(text_folder)
    patches, frequency = batches.sample_patches(texts, 0)
    network = forward.Network(*scripts["start"].new_model(patches, frequency, steps=800))
    rng = random.Random(1)
    # After seconds of fitting; a whole start takes minutes and reads almost everything.
    for side_px, least_share in ((512, 0.3), (1024, 0.8)):
        codes = scripts["text"].page_codes(texts, batches.PAGE, rng, "random")
        geometry = forward.all_cells(batches.PAGE, side_px)
        pixels = pixel_values(draw_cells(codes, side_px)[None])
        with torch.inference_mode():
            _, _, logits = forward.encode(network, pixels, geometry, forward.Mode())
        is_right = logits[0].argmax(-1).numpy() == chars_to_ids(codes).reshape(-1)
        has_ink = (codes != ord(" ")).reshape(-1)
        assert is_right[has_ink].mean() > least_share


# ---- from the checkpoint that ships --------------------------------------------------------------


def _run(script: str, *arguments: str | Path) -> str:
    """Run a script of training/, with its own folder on the path (`make test` keeps the working
    directory off it); gives what it prints.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, str(TRAINING / script), *map(str, arguments)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def run_folder(text_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a few steps that starts from the checkpoint that ships."""
    folder = tmp_path_factory.mktemp("run")
    files = ("--text", text_folder, "--run", folder, "--start", CHECKPOINT)
    _run("train_pocket.py", *files, "--minutes", "0.05", "--table-pages", "0", "--device", "cpu")
    return folder


@pytest.fixture(scope="module")
def shipped_folder(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That run, packed as a checkpoint."""
    folder = tmp_path_factory.mktemp("checkpoint")
    _run("ship.py", run_folder, folder)
    return folder


def test_training_goes_on_from_the_shipped_checkpoint(run_folder: Path) -> None:
    assert json.loads((run_folder / "state.json").read_text())["step"] >= 1


def test_a_run_ships_as_a_checkpoint_near_the_one_it_started_from(shipped_folder: Path) -> None:
    start = load_file(CHECKPOINT / CELLS)
    end = load_file(shipped_folder / CELLS)
    changes = [float((start[name].float() - end[name].float()).abs().max()) for name in start]
    assert 0 < max(changes) < 0.1


def test_a_shipped_run_is_calibrated_at_every_rung(shipped_folder: Path, text_folder: Path) -> None:
    equal_mixes = PocketReader(shipped_folder).network.mixes
    assert {rung.name for rung in LADDER} == set(equal_mixes)
    _run("calibrate.py", "--text", text_folder, shipped_folder, "--pages", "1")
    fitted_mixes = PocketReader(shipped_folder).network.mixes
    assert set(fitted_mixes) == set(equal_mixes)
    assert all(fitted_mixes[name] != equal_mixes[name] for name in equal_mixes)
    assert all(np.isfinite([mix.decoder, mix.grid]).all() for mix in fitted_mixes.values())
