"""Fit how pocket weighs its two readings, so that its confidence is a probability, and write it
into the checkpoint.

    python training/calibrate.py --text FOLDER optical_memory/readers/pocket/checkpoint

On held-out pages of all kinds, through the codec, the masked pass alone. Two weights a rung, by
least negative log likelihood (temperature scaling, Guo et al. 2017, for a product of two readings).
`optical-memory eval fidelity` tells the calibration error that is left, on other pages.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from batches import BLANK, line_starts
from text import Texts, page_codes
from torch import Tensor
from torch.nn import functional as F

from optical_memory.pages import RowBox
from optical_memory.profiles import Rung
from optical_memory.readers.pocket import PocketReader
from optical_memory.readers.pocket.files import CALIBRATION
from optical_memory.readers.pocket.network import Mix
from optical_memory.readers.pocket.page_decoder import PageDecoder, all_masked
from optical_memory.readers.pocket.token_ids import chars_to_ids
from optical_memory.renderers.drawing import draw_cells
from optical_memory.tokens import INT8, unpack

cli = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
cli.add_argument("checkpoint", type=Path)
cli.add_argument("--text", type=Path, required=True)
cli.add_argument("--pages", type=int, default=6, help="a rung")

TRUST = 1e-4
"""Holds the weights near a half if hardly anything is misread, which tells little of them."""


class Readings(NamedTuple):
    """Log probabilities of the decoder and of the grid head (cells, vocab), and the true ids
    (cells,).
    """

    decoder: Tensor
    grid: Tensor
    ids: Tensor


@torch.inference_mode()
def read_page(reader: PocketReader, texts: Texts, rng: random.Random, rung: Rung) -> Readings:
    """The cells with ink of one random page."""
    grid = reader.profile.grid
    codes = page_codes(texts, grid, rng)
    tokens = unpack(INT8.pack(reader.encode([draw_cells(codes, rung.side_px)], rung)[0]))
    decoder = PageDecoder(reader.network, tokens.values, grid, rung)
    rows = [RowBox(y, x, grid.measure, grid.measure, "") for y, x in line_starts(grid)]
    geometry = decoder.geometry(rows, grid.measure)
    both = decoder.both_logits(geometry, all_masked(len(rows), grid.measure, decoder.device))
    decoder_p, grid_p = (logits.flatten(0, 1).log_softmax(-1) for logits in both)
    line_codes = np.concatenate([codes[row.y, row.x : row.x + row.cells] for row in rows])
    ids = torch.from_numpy(chars_to_ids(line_codes))
    has_ink = torch.from_numpy(line_codes != BLANK)
    return Readings(decoder_p[has_ink], grid_p[has_ink], ids[has_ink])


def fit(readings: Readings) -> Mix:
    """The weights by which the masked readings of these cells are likeliest."""
    weights = torch.full((2,), -0.7, requires_grad=True)
    lbfgs = torch.optim.LBFGS([weights], lr=0.3, max_iter=60)

    def loss() -> Tensor:
        lbfgs.zero_grad()
        decoder, grid = weights.exp()
        log_p = (decoder * readings.decoder + grid * readings.grid).log_softmax(-1)
        distance = (weights - math.log(0.5)).square().sum()
        value = F.nll_loss(log_p, readings.ids) + TRUST * distance
        value.backward()
        return value

    lbfgs.step(loss)
    decoder, grid = weights.detach().exp().tolist()
    return Mix(round(decoder, 4), round(grid, 4))


def share_right(log_p: Tensor, ids: Tensor) -> float:
    return round(float((log_p.argmax(-1) == ids).float().mean()), 5)


def main() -> None:
    args = cli.parse_args()
    reader = PocketReader(args.checkpoint)
    texts = Texts(args.text, held_out=True)
    rng = random.Random(5)
    mixes = {}
    for rung in reader.profile.ladder:
        pages = [read_page(reader, texts, rng, rung) for _ in range(args.pages)]
        readings = Readings(*(torch.cat(parts).clone() for parts in zip(*pages, strict=True)))
        mix = fit(readings)
        mixes[rung.name] = {"decoder": mix.decoder, "grid": mix.grid}
        decoder_share = share_right(readings.decoder, readings.ids)
        grid_share = share_right(readings.grid, readings.ids)
        print(f"{rung.name}: {mix}; right of {len(readings.ids)} cells:", end=" ")
        print(f"decoder {decoder_share}, grid head {grid_share}")
    (args.checkpoint / CALIBRATION).write_text(json.dumps(mixes) + "\n")


if __name__ == "__main__":
    main()
