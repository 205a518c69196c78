"""pocket: the small reader that ships in the package. Reads our own pages, in our own fonts, on our
own grid.

The vision tower runs in `encode` only. `decode` asks the decoder about every cell of a page in one
pass, and again about lines that it was not sure of. A page is decoded as a batch of its own: no
reading depends on what else is read.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from optical_memory.errors import CheckpointError, ReaderMismatch
from optical_memory.pages import Layout, Page
from optical_memory.profiles import Ladder, V1_LADDER, ReaderProfile, Rung
from optical_memory.readers.pocket.charset import CHARSET
from optical_memory.readings import UNREAD, Reading
from optical_memory.tokens import VisualTokens

if TYPE_CHECKING:
    import torch
    from transformers import UnlimitedOcrForConditionalGeneration

    from optical_memory.readers.pocket.network import Cells
    from optical_memory.readers.pocket.read_cells import Mix

__all__ = ["CHECKPOINT", "LADDER", "PocketReader"]

CHECKPOINT = Path(__file__).parent / "checkpoint"
CALIBRATION = "calibration.json"
LADDER = tuple(rung for rung in V1_LADDER if rung.name != "large")
"""Base, Small and Tiny: at Base nothing is lost yet, so that Large would cost tokens for nothing.
"""

DIM = 576  # width of a visual token
ENCODE_BATCH_PX = (
    1024 * 1024
)  # pixels in one pass of the encoder: more would fall out of a CPU's caches


@dataclass(frozen=True)
class _Network:
    model: UnlimitedOcrForConditionalGeneration
    cells: Cells
    mixes: Mapping[str, Mix]  # by rung


class PocketReader:
    """A pocket checkpoint in `folder` (the bundled one by default); weights load at the first
    encode or decode.

    `ladder` leaves rungs out: a memory with fewer rungs draws, encodes and certifies less for every
    page. Raises `ReaderMismatch` for a rung that pocket has not.
    """

    def __init__(self, folder: Path = CHECKPOINT, ladder: tuple[Rung, ...] = LADDER) -> None:
        if strange := [rung.name for rung in ladder if rung not in LADDER]:
            raise ReaderMismatch(f"pocket was not trained at {', '.join(strange)}")
        self.folder, self.ladder = Path(folder), ladder
        self._lock = threading.Lock()

    @property
    def profile(self) -> ReaderProfile:
        """Facts about this checkpoint; reads its files but loads no torch. Raises
        `CheckpointError`.
        """
        return self._profile

    @cached_property
    def _profile(self) -> ReaderProfile:
        return ReaderProfile(
            "pocket", self._revision(), dim=DIM, ladder=Ladder(self.ladder), charset=frozenset(CHARSET)
        )

    def encode(self, images: Sequence[npt.NDArray[np.uint8]], rung: Rung) -> list[VisualTokens]:
        """See pages of one size: (side_px, side_px) uint8 each; gives (n², 576) float32 tokens a
        page.
        """
        import torch

        from optical_memory.readers.pocket.network import network_pixels

        for image in images:
            if image.shape != (rung.side_px, rung.side_px):
                raise ReaderMismatch(
                    f"{rung.name} pages are {rung.side_px} px square, this one is {image.shape}"
                )
        step = max(1, ENCODE_BATCH_PX // rung.side_px**2)
        found: list[VisualTokens] = []
        with torch.inference_mode():
            for start in range(0, len(images), step):
                pixels = network_pixels(np.stack(images[start : start + step]))
                features: Any = self._network.model.get_image_features(pixels)
                found += [self._grid_tokens(f, rung) for f in features.pooler_output]
        return found

    def decode(self, tokens: Sequence[VisualTokens], layouts: Sequence[Layout]) -> list[Reading]:
        """Read pages back from their tokens, one page after the other."""
        import torch

        with torch.inference_mode():
            return [self._read(t, layout) for t, layout in zip(tokens, layouts, strict=True)]

    def certify(self, tokens: Sequence[VisualTokens], pages: Sequence[Page]) -> list[Reading]:
        """What `decode` reads: for pocket the text in hand changes nothing."""
        return self.decode(tokens, [page.layout for page in pages])

    # ---- inside ----------------------------------------------------------------------------------

    def _revision(self) -> str:
        return _fingerprint(
            *(
                self.folder / name
                for name in ("model.safetensors", "cells.safetensors", CALIBRATION)
            )
        )

    @cached_property
    def _network(self) -> _Network:
        from transformers import UnlimitedOcrForConditionalGeneration

        from optical_memory.readers.checkpoints.strict_load import load_module, load_stock
        from optical_memory.readers.pocket.network import Cells, pocket_config

        with self._lock:
            if "_network" in self.__dict__:
                return self.__dict__["_network"]  # type: ignore[no-any-return]  # another thread was faster
            cells = Cells()
            load_module(cells, self.folder / "cells.safetensors")
            model = load_stock(UnlimitedOcrForConditionalGeneration, self.folder, pocket_config())
            self.__dict__["_network"] = _Network(model, cells, _mixes(self.folder / CALIBRATION))
            return self.__dict__["_network"]  # type: ignore[no-any-return]  # kept while the lock is held

    def _grid_tokens(self, features: torch.Tensor, rung: Rung) -> VisualTokens:
        """Newlines and separator away: they are constants of the model."""
        n = rung.side_px // 64
        grid = features[:-1].view(n, n + 1, -1)[:, :n].reshape(n * n, -1)
        return VisualTokens(grid.numpy().copy(), self.profile.id, self.profile.revision, rung.name)

    def _read(self, tokens: VisualTokens, layout: Layout) -> Reading:
        if (tokens.reader, tokens.revision) != (self.profile.id, self.profile.revision):
            made, mine = (
                f"{tokens.reader}@{tokens.revision}",
                f"{self.profile.id}@{self.profile.revision}",
            )
            raise ReaderMismatch(f"tokens of {made} were given to {mine}")
        rung = self.profile.rung(tokens.rung)
        n = rung.side_px // 64
        if tokens.values.shape != (n * n, self.profile.dim):
            raise ReaderMismatch(
                f"{rung.name} has {(n * n, self.profile.dim)} tokens, not {tokens.values.shape}"
            )
        from optical_memory.readers.pocket.read_cells import PageEyes, read_cells

        network = self._network
        eyes = PageEyes(
            network.model,
            network.cells,
            tokens.values,
            layout,
            rung.side_px,
            network.mixes[rung.name],
        )
        return _reading(layout, read_cells(eyes, layout))


def _mixes(file: Path) -> dict[str, Mix]:
    """How the two readings are weighted at each rung. Raises `CheckpointError` for a file that does
    not say.
    """
    from optical_memory.readers.pocket.read_cells import Mix

    try:
        weights = json.loads(file.read_text())
        return {
            rung.name: Mix(float(weights[rung.name]["decoder"]), float(weights[rung.name]["grid"]))
            for rung in LADDER
        }
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"{file} does not say how to weigh the readings: {error}") from error


def _fingerprint(*files: Path) -> str:
    """The revision of a checkpoint: the first 12 hex digits of the SHA-256 over its files."""
    digest = hashlib.sha256()
    for file in files:
        if not file.is_file():
            raise CheckpointError(f"{file} is missing: not a complete checkpoint")
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _reading(
    layout: Layout, found: Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]
) -> Reading:
    """Cells to characters: one a cell, but for clusters (pocket reads none) and joins (the layout
    knows them).
    """
    from optical_memory.readers.pocket.network import ids_to_text

    text: list[str] = []
    sure: list[float] = []
    for row, (row_ids, row_sure) in zip(layout.rows, found, strict=True):
        chars, p = list(ids_to_text(row_ids)), row_sure.tolist()
        for cluster in reversed(row.clusters):
            chars[cluster.cell : cluster.cell + cluster.cells] = UNREAD * cluster.chars
            p[cluster.cell : cluster.cell + cluster.cells] = [0.0] * cluster.chars
        text += [*chars, row.join]
        sure += p + [1.0] * len(row.join)
    values = np.array(sure, np.float32)
    joined = "".join(text)
    values[[i for i, char in enumerate(joined) if char == UNREAD]] = 0
    return Reading(joined, values)
