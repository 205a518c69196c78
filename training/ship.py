"""Pack a training run's weights as a checkpoint that the package loads: float16, the stock key
names.

    python training/ship.py runs/pocket optical_memory/readers/pocket/checkpoint
    python training/calibrate.py --text FOLDER optical_memory/readers/pocket/checkpoint
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import UnlimitedOcrForConditionalGeneration

from optical_memory.readers.pocket.files import CALIBRATION, CELLS, MODEL
from optical_memory.readers.pocket.network import pocket_config
from optical_memory.readers.pocket.reader import LADDER

EQUAL = {"decoder": 0.5, "grid": 0.5}
"""The mix of every rung until calibrate.py has fitted it."""

run = Path(sys.argv[1])
target = Path(sys.argv[2])
target.mkdir(parents=True, exist_ok=True)
model = UnlimitedOcrForConditionalGeneration(pocket_config())
model.load_state_dict(load_file(run / MODEL))
model.to(torch.float16).save_pretrained(target)
cells = {name: weight.half() for name, weight in load_file(run / CELLS).items()}
save_file(cells, target / CELLS)
mixes = {rung.name: EQUAL for rung in LADDER}
(target / CALIBRATION).write_text(json.dumps(mixes) + "\n")
print({file.name: file.stat().st_size for file in sorted(target.iterdir())})
