"""Keeps the checkout last on the path of the tests, so that its folder `agents/` does not hide
openai-agents.

`python -m pytest` puts the working directory first; `pytest` and an editable install do not.

Tests run on the CPU, on a machine with a GPU too: they compare readers with stock models there.
`tests/readers/test_gpu.py` is for GPUs.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
own_entries = [entry for entry in sys.path if Path(entry or ".").resolve() == ROOT]
sys.path[:] = [entry for entry in sys.path if entry not in own_entries] + own_entries[-1:]
os.environ.setdefault("OPTICAL_MEMORY_DEVICE", "cpu")
