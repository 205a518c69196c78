"""Fit how pocket weighs its two readings, so that its confidence is a probability, and write it
into the checkpoint.

    python training/calibrate.py --text FOLDER optical_memory/readers/pocket/checkpoint

On held-out pages of all kinds, through the codec, the masked pass alone. Two weights a rung, by
least negative log likelihood (temperature scaling, Guo et al. 2017, for a product of two readings).
What calibration error is left in what a memory is served, `optical-memory eval fidelity` says on
other pages.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from pathlib import Path

import numpy as np
import torch
from text import Texts, page_codes  # type: ignore[import-not-found]  # beside this script
from torch import Tensor

from optical_memory.pages import Layout, RowBox
from optical_memory.profiles import Rung
from optical_memory.readers.pocket.network import chars_to_ids
from optical_memory.readers.pocket.read_cells import Mix, PageEyes
from optical_memory.readers.pocket.reader import CALIBRATION, PocketReader
from optical_memory.renderers.drawing import draw_cells
from optical_memory.tokens import INT8, unpack

cli = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
cli.add_argument("checkpoint", type=Path)
cli.add_argument("--text", type=Path, required=True)
cli.add_argument("--pages", type=int, default=6, help="a rung")
args = cli.parse_args()

TRUST = 1e-4  # holds the weights near a half where hardly anything is misread, which says little of them

reader, held, rng = PocketReader(args.checkpoint), Texts(args.text, held_out=True), random.Random(5)


def readings(rung: Rung) -> tuple[Tensor, Tensor, Tensor]:
    """Log probabilities of the decoder and of the grid head, (cells, vocab) each, and the true ids,
    of one page.
    """
    grid, network = reader.profile.grid, reader._network
    codes = page_codes(held, grid, rng)
    tokens = unpack(INT8.pack(reader.encode([draw_cells(codes, rung.side_px)], rung)[0]))
    starts = [
        (y, k * (grid.measure + grid.gutter))
        for k in range(grid.text_columns)
        for y in range(grid.rows)
    ]
    rows = [RowBox(y, x, grid.measure, grid.measure, "") for y, x in starts]
    found = []
    for mix in (Mix(1.0, 0.0), Mix(0.0, 1.0)):
        eyes = PageEyes(
            network.model, network.cells, tokens.values, Layout(grid, (), ()), rung.side_px, mix
        )
        where = eyes.where(rows, grid.measure)
        found.append(
            eyes.read(where, len(rows), eyes.masked(len(rows), grid.measure))
            .flatten(0, 1)
            .log_softmax(-1)
        )
    ids = np.concatenate([chars_to_ids(codes[y, x : x + grid.measure]) for y, x in starts])
    inked = torch.from_numpy(
        np.concatenate([codes[y, x : x + grid.measure] for y, x in starts]) != ord(" ")
    )
    return found[0][inked], found[1][inked], torch.from_numpy(ids)[inked]


def fit(first: Tensor, second: Tensor, ids: Tensor) -> Mix:
    """The weights by which the masked readings of these cells are likeliest."""
    weights = torch.full((2,), -0.7, requires_grad=True)
    lbfgs = torch.optim.LBFGS([weights], lr=0.3, max_iter=60)

    def both() -> Tensor:
        a, b = weights.exp()
        return (a * first + b * second).log_softmax(-1)

    def loss() -> Tensor:
        lbfgs.zero_grad()
        value = (
            torch.nn.functional.nll_loss(both(), ids)
            + TRUST * (weights - math.log(0.5)).square().sum()
        )
        value.backward()
        return value

    lbfgs.step(loss)
    a, b = weights.detach().exp().tolist()
    return Mix(round(a, 4), round(b, 4))


mixes = {}
for rung in reader.profile.ladder:
    with torch.inference_mode():
        pages = [readings(rung) for _ in range(args.pages)]
    first, second, ids = (torch.cat(parts).clone() for parts in zip(*pages, strict=True))
    mix = fit(first, second, ids)
    shares = [round(float((p.argmax(-1) == ids).float().mean()), 5) for p in (first, second)]
    print(
        f"{rung.name}: {mix}; right of {len(ids)} cells: decoder {shares[0]}, grid head {shares[1]}"
    )
    mixes[rung.name] = {"decoder": mix.decoder, "grid": mix.grid}
(args.checkpoint / CALIBRATION).write_text(json.dumps(mixes) + "\n")
