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

from optical_memory.readers.pocket.network import pocket_config
from optical_memory.readers.pocket.reader import CALIBRATION, LADDER

run, target = Path(sys.argv[1]), Path(sys.argv[2])
target.mkdir(parents=True, exist_ok=True)
model = UnlimitedOcrForConditionalGeneration(pocket_config())
model.load_state_dict(load_file(run / "model.safetensors"))
model.to(torch.float16).save_pretrained(target)
save_file(
    {k: v.half() for k, v in load_file(run / "cells.safetensors").items()},
    target / "cells.safetensors",
)
halves = {
    rung.name: {"decoder": 0.5, "grid": 0.5} for rung in LADDER
}  # until calibrate.py has fitted them
(target / CALIBRATION).write_text(json.dumps(halves) + "\n")
print({file.name: file.stat().st_size for file in sorted(target.iterdir())})
