"""Draw a run's held-out curve: one panel a rung, one line a kind of text, decoder solid and grid
head dashed.

    python training/plot.py training/curves/2026-11-25.jsonl

Writes the .svg beside it. Needs the extra `evals`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "optical-memory"

import matplotlib.pyplot as plt  # noqa: E402  # after the backend is chosen

file = Path(sys.argv[1])
rows = [json.loads(line) for line in file.read_text().splitlines()]
names = [name for name in rows[0] if "/" in name]
rungs = list(dict.fromkeys(name.split("/")[0] for name in names))
kinds = list(dict.fromkeys(name.split("/")[1] for name in names))
figure, panels = plt.subplots(
    1, len(rungs), figsize=(4 * len(rungs), 3), sharey=True, layout="constrained"
)
for panel, rung in zip(panels, rungs, strict=True):
    for colour, kind in enumerate(kinds):
        for suffix, style in (("", "-"), ("/grid", "--")):
            wrong = [max(1e-5, 1 - row[f"{rung}/{kind}{suffix}"]) for row in rows]
            panel.plot(
                [row["step"] for row in rows], wrong, style, color=f"C{colour}", label=kind + suffix
            )
    panel.set(title=rung, xlabel="step", yscale="log")
panels[0].set_ylabel("share misread, held out")
panels[-1].legend(fontsize=7)
figure.savefig(file.with_suffix(".svg"), metadata={"Date": None})
