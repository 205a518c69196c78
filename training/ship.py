"""Pack a training run's weights as a checkpoint that the package loads: float16, the stock key names.

python training/ship.py runs/pocket optical_memory/readers/checkpoints/pocket
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from start import new_model  # type: ignore[import-not-found]  # beside this script

run, target = Path(sys.argv[1]), Path(sys.argv[2])
target.mkdir(parents=True, exist_ok=True)
model, cells = new_model()
if (run / "model.safetensors").exists():
    model.load_state_dict(load_file(run / "model.safetensors"))
    cells.load_state_dict(load_file(run / "cells.safetensors"))
model.to(torch.float16).save_pretrained(target)
save_file({k: v.half() for k, v in cells.state_dict().items()}, target / "cells.safetensors")
print({file.name: file.stat().st_size for file in sorted(target.iterdir())})
