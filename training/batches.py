"""Batches of training pages: drawn by the project's own renderer, in worker processes."""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Full

import numpy as np
import numpy.typing as npt
import torch
from text import Texts, page_codes

from optical_memory.pages import Grid
from optical_memory.readers.pocket.cell_geometry import SLOTS, cell_geometry
from optical_memory.readers.pocket.network import pixel_values
from optical_memory.readers.pocket.token_ids import VOCAB, chars_to_ids
from optical_memory.renderers.drawing import draw_cells

PAGE = Grid()
"""The grid that the product draws."""

WIDE = Grid(text_columns=1)
"""The same cells with no gutter."""

BUCKETS = ((512, 4, 0.45), (640, 3, 0.30), (1024, 1, 0.25))
"""Side in px, pages a step, share of the steps."""

LINES = 48
"""Lines of a page that the decoder is asked about in a step, if they are as long as on `PAGE`."""

LINE_CELLS = PAGE.measure
MIN_INKED_CELLS = 8  # a page, of a line that the decoder is asked about
BLANK = ord(" ")


@dataclass(frozen=True)
class Batch:
    """Pages of one size, and the lines (row, first column) to ask the decoder about."""

    side_px: int
    grid: Grid
    images: npt.NDArray[np.uint8]  # (b, side_px, side_px)
    codes: npt.NDArray[np.int32]  # (b, rows, columns) code points
    lines: list[tuple[int, int]]


def line_starts(grid: Grid) -> list[tuple[int, int]]:
    """The (row, first column) of every line of a page, row by row."""
    columns = [i * (grid.measure + grid.gutter) for i in range(grid.text_columns)]
    starts = []
    for row in range(grid.rows):
        starts += [(row, column) for column in columns]
    return starts


def make_batch(
    texts: Texts,
    side_px: int,
    grid: Grid,
    n_pages: int,
    rng: random.Random,
    n_lines: int,
    kind: str | None = None,
) -> Batch:
    """Pages drawn at `side_px`, of one `kind` of text or of any."""
    codes = np.stack([page_codes(texts, grid, rng, kind) for _ in range(n_pages)])
    images = np.stack([draw_cells(page, side_px) for page in codes])
    full_lines = []
    for row, column in line_starts(grid):
        cells = codes[:, row, column : column + grid.measure]
        if (cells != BLANK).sum() > MIN_INKED_CELLS * n_pages:
            full_lines.append((row, column))
    n_lines = min(len(full_lines), n_lines * LINE_CELLS // grid.measure)
    return Batch(side_px, grid, images, codes, rng.sample(full_lines, n_lines))


def random_batch(texts: Texts, rng: random.Random, times: int) -> Batch:
    """A batch of a random bucket, with `times` the pages of a step."""
    side_px, n_pages, _ = rng.choices(BUCKETS, [share for _, _, share in BUCKETS])[0]
    grid = PAGE if rng.random() < 0.8 else WIDE
    return make_batch(texts, side_px, grid, n_pages * times, rng, LINES)


# ---- worker processes ----------------------------------------------------------------------------


def draw_forever(folder: Path, seed: int, times: int, queue) -> None:
    """A worker process: batches into the queue until its parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # its parent ends it
    texts = Texts(folder)
    rng = random.Random(seed)
    parent = multiprocessing.parent_process()
    while parent is not None and parent.is_alive():
        put_while_alive(queue, random_batch(texts, rng, times), parent)


def put_while_alive(queue, batch: Batch, parent) -> None:
    while parent.is_alive():
        with suppress(Full):
            queue.put(batch, timeout=5)
            return


def batches(folder: Path, seed: int, times: int, n_workers: int) -> Iterator[Batch]:
    """Endless batches from worker processes, which end with this process."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue(maxsize=2 * n_workers + 2)
    workers = []
    for i in range(n_workers):
        arguments = (folder, seed + i, times, queue)
        workers.append(context.Process(target=draw_forever, args=arguments, daemon=True))
    for worker in workers:
        worker.start()
    while True:
        while queue.empty() and all(worker.is_alive() for worker in workers):
            time.sleep(0.01)
        if not all(worker.is_alive() for worker in workers):
            raise SystemExit("a worker that draws pages has ended; its error is above")
        yield queue.get()


# ---- a sample for a start ------------------------------------------------------------------------


def sample_patches(texts: Texts, seed: int) -> tuple[dict[int, torch.Tensor], torch.Tensor]:
    """The data that `new_model` starts from.

    Patches (n, 256) as the network sees them, by the width of their slots, and how often each token
    id is met (vocab,).
    """
    rng = random.Random(seed)
    patches: dict[int, list[torch.Tensor]] = {slots.width: [] for slots in SLOTS}
    frequency = torch.zeros(VOCAB)
    for side_px, n_pages in ((512, 6), (640, 4), (1024, 4)):
        batch = make_batch(texts, side_px, PAGE, n_pages, rng, 0)
        ids = torch.from_numpy(chars_to_ids(batch.codes))
        frequency += torch.bincount(ids.flatten(), minlength=VOCAB)
        pixels = pixel_values(batch.images)[:, 0]  # (b, side_px, side_px)
        patches[slot_width(side_px)].append(
            pixels.unfold(1, 16, 16).unfold(2, 16, 16).reshape(-1, 256)
        )
    return {width: torch.cat(parts) for width, parts in patches.items()}, frequency


def slot_width(side_px: int) -> int:
    """The width in px of a slot on a page of `side_px`."""
    origin = np.zeros(1, int)
    geometry = cell_geometry(origin, origin, columns=PAGE.columns, rows=PAGE.rows, side_px=side_px)
    return SLOTS[geometry.table].width
