"""GOT-OCR2.0 as a reader: pages of 1024 px in running type, 256 visual tokens each, on one rung.

The folder is that of transformers' conversion script (config.json, model.safetensors,
tokenizer.json). The vision half loads at the first encode and the decoder at the
first decode; neither is needed for the profile.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from optical_memory.errors import CheckpointError, ReaderMismatch, ReadingFailed
from optical_memory.pages import Layout, Page
from optical_memory.profiles import Ladder, ReaderProfile, Rung
from optical_memory.readers.checkpoints.folder import CheckpointFolder
from optical_memory.readers.checkpoints.safetensors_files import read_header, read_json
from optical_memory.readers.got.config import GotConfig, parse_got_config
from optical_memory.readers.got.family import BASE, GOT
from optical_memory.readers.language.align import fit, unread
from optical_memory.readers.language.attempts import Attempt, Outcome, failure, read_in_attempts
from optical_memory.readers.language.decoder import Task, Transcript
from optical_memory.readers.language.tokenizer import folder_tokenizer
from optical_memory.readers.locked_property import locked_cached_property
from optical_memory.readers.threads import wait_passively
from optical_memory.readings import Reading
from optical_memory.renderers.sans_grid import sans_grid
from optical_memory.tokens import VisualTokens

if TYPE_CHECKING:
    from optical_memory.readers.got.network import GotDecoder, GotVision

__all__ = [
    "GotReader",
    "is_got",
]

PICTURES_AT_ONCE = 1  # in one pass of the tower: on a CPU more are no faster
SPARE_TOKENS = 64  # beyond a token for each character of a page: text has fewer
PROMPT_TOKENS = 512  # room in the context for the page and the prompt around it


class GotReader:
    """A GOT-OCR2.0 checkpoint in `folder`.

    `device` and `dtype` are "auto" or as in `checkpoints.devices.choose_device`.
    """

    def __init__(self, folder: Path | str, *, device: str = "auto", dtype: str = "auto") -> None:
        wait_passively()
        self.folder = Path(folder)
        self.grid = sans_grid(BASE.side_px, GOT.density)
        self._device = device
        self._dtype = dtype

    @property
    def profile(self) -> ReaderProfile:
        """Facts about this checkpoint; reads headers but no weights, and loads no torch.

        Raises `CheckpointError` if the folder holds no GOT-OCR2.0.
        """
        return self._profile

    @cached_property
    def _profile(self) -> ReaderProfile:
        files = _open_files(self.folder)
        dim = self._config.text_config.hidden_size
        return ReaderProfile(GOT.id, files.revision(), dim, Ladder(GOT.rungs), self.grid)

    def encode(self, images: Sequence[npt.NDArray[np.uint8]], rung: Rung) -> list[VisualTokens]:
        """See pages: (1024, 1024) uint8 each, 0 on 255; gives (256, dim) float32 tokens a page.

        Raises `ReaderMismatch` for pictures of another size, or for another rung.
        """
        import torch

        for image in images:
            if rung != BASE or image.shape != (BASE.side_px, BASE.side_px):
                raise ReaderMismatch(
                    f"{GOT.id} reads {BASE.side_px} px pages, not {image.shape} at {rung.name}"
                )
        profile = self.profile
        pages: list[VisualTokens] = []
        with torch.inference_mode():
            for start in range(0, len(images), PICTURES_AT_ONCE):
                batch = np.stack(images[start : start + PICTURES_AT_ONCE])
                for values in self.vision.see(batch):
                    pages.append(VisualTokens(values, profile.id, profile.revision, rung.name))
        return pages

    def decode(
        self,
        tokens: Sequence[VisualTokens],
        layouts: Sequence[Layout],
        lines: Sequence[Sequence[int]] | None = None,
    ) -> list[Reading]:
        """Read pages back from their tokens, and all their lines: they depend on each other.

        A page on which the decoder failed at every attempt is U+FFFD throughout. Raises
        `ReaderMismatch` for tokens of another model or revision.
        """
        outcomes = self._read(tokens, layouts)
        return [
            unread(layout) if isinstance(outcome, str) else fit(outcome, layout)
            for outcome, layout in zip(outcomes, layouts, strict=True)
        ]

    def certify(self, tokens: Sequence[VisualTokens], pages: Sequence[Page]) -> list[Reading]:
        """The readings of `decode`. Raises `ReadingFailed` if the decoder cannot read a page."""
        layouts = [page.layout for page in pages]
        readings: list[Reading] = []
        for outcome, layout in zip(self._read(tokens, layouts), layouts, strict=True):
            if isinstance(outcome, str):
                raise ReadingFailed(f"{GOT.id} did not read the page: {outcome}")
            readings.append(fit(outcome, layout))
        return readings

    # ---- the two halves --------------------------------------------------------------------------

    @cached_property
    def _config(self) -> GotConfig:
        return parse_got_config(read_json(self.folder / "config.json"))

    @locked_cached_property
    def vision(self) -> GotVision:
        """The vision half; loads when it is first needed."""
        from optical_memory.readers.checkpoints.devices import choose_device
        from optical_memory.readers.got.config import stock_config
        from optical_memory.readers.got.network import load_vision

        device = choose_device("encoder", self._device, self._dtype)
        return load_vision(self.folder, stock_config(self._config), device)

    @locked_cached_property
    def decoder(self) -> GotDecoder:
        """The decoder; loads when it is first needed."""
        from optical_memory.readers.checkpoints.devices import choose_device
        from optical_memory.readers.got.config import stock_config
        from optical_memory.readers.got.network import load_decoder

        tokenizer = folder_tokenizer(self.folder)
        device = choose_device("decoder", self._device, self._dtype)
        return load_decoder(self.folder, stock_config(self._config), tokenizer, device)

    # ---- reading ---------------------------------------------------------------------------------

    def _read(self, tokens: Sequence[VisualTokens], layouts: Sequence[Layout]) -> list[Outcome]:
        """The transcript of each page, or the reason why its last attempt failed."""
        for page in tokens:
            self._require_own(page)

        def judge(transcript: Transcript, i: int, attempt: Attempt) -> Outcome:
            return failure(transcript, layouts[i].n_chars) or transcript

        attempts = [Attempt(GOT.prompts["plain"], guard) for guard in GOT.guards]
        tasks = [_task(*page) for page in zip(tokens, layouts, strict=True)]
        return read_in_attempts(self.decoder, tasks, attempts, judge) if tasks else []

    def _require_own(self, tokens: VisualTokens) -> None:
        """Raise `ReaderMismatch` for tokens that this checkpoint did not make."""
        profile = self.profile
        if (tokens.reader, tokens.revision) != (profile.id, profile.revision):
            raise ReaderMismatch(
                f"tokens of {tokens.reader}@{tokens.revision} were given to "
                f"{profile.id}@{profile.revision}"
            )
        shape = (BASE.n_grid_tokens, profile.dim)
        if tokens.rung != BASE.name or tokens.values.shape != shape:
            raise ReaderMismatch(
                f"{GOT.id} reads {shape} tokens at base, not {tokens.values.shape} at {tokens.rung}"
            )


def _open_files(path: Path) -> CheckpointFolder:
    config_json = read_json(path / "config.json")
    file = path / "model.safetensors"
    if not file.is_file():
        raise CheckpointError(f"{path} has no model.safetensors")
    return CheckpointFolder(path, config_json, (read_header(file),))


def _task(tokens: VisualTokens, layout: Layout) -> Task:
    """The task of reading a page, with the prompt and the guard of the first attempt.

    A page may take a token for each of its characters and some more; a longer text is no reading.
    """
    limit = min(layout.n_chars + SPARE_TOKENS, GOT.context_length - PROMPT_TOKENS)
    values = np.ascontiguousarray(tokens.values, np.float32)
    return Task(values, GOT.prompts["plain"], limit, GOT.guards[0])


def is_got(folder: Path) -> bool:
    """Whether the folder's config.json is GOT-OCR2.0's."""
    try:
        return read_json(folder / "config.json").get("model_type") == "got_ocr2"
    except CheckpointError:
        return False
