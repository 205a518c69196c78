"""GOT-OCR2.0 as a reader: pages of 1024 px in running type, 256 visual tokens each, on one rung.

Its checkpoint folder is the one that transformers' conversion makes (config.json,
model.safetensors, tokenizer.json). The vision half loads at the first encode and the decoder at the
first decode; neither is needed for the profile.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from optical_memory.errors import CheckpointError, ReaderMismatch, ReadingFailed
from optical_memory.pages import Layout, Page
from optical_memory.profiles import Ladder, ReaderProfile, Rung, Views
from optical_memory.readers.checkpoints.safetensors_files import read_header, read_json
from optical_memory.readers.deepseek.config import Published
from optical_memory.readers.deepseek.families import Family
from optical_memory.readers.language.decoder import Guard, Task, Transcript
from optical_memory.readers.language.tokenizer import folder_tokenizer
from optical_memory.readings import Reading
from optical_memory.renderers.sans_grid import sans_grid
from optical_memory.tokens import VisualTokens

if TYPE_CHECKING:
    from transformers import GotOcr2Config

    from optical_memory.readers.got.network import GotDecoder, GotVision

__all__ = ["GOT", "GotReader", "is_got"]

BASE = Rung("base", 1024, Views(1024, newlines=False, separator=False))

GOT = Family(
    id="got-ocr2",
    architecture="GotOcr2ForConditionalGeneration",
    rungs=(BASE,),
    ladder=("base",),
    prompts={"plain": " OCR: ", "formatted": " OCR with format: "},
    verbatim="base",
    density=200.0,
    guards=(Guard(20, 90, ()), Guard(20, 256, ()), Guard(8, 512, ())),
    most_tokens=8000,
)
"""The prompts are those of transformers' processor, with the space before them that its template
leaves. Its own code bans every run of 20 tokens on a page from coming twice; ours looks back over a
window. The density is ours: the fullest English pages of the Fox benchmark (1300 DeepSeek tokens,
its paper's worst case for GOT at 1024 px) have about 190.
"""

ENCODE_AT_ONCE = 1  # pages in one pass of the tower: on a CPU more are no faster


class GotReader:
    """A GOT-OCR2.0 checkpoint in `folder`; `device` and `dtype` are "auto" or as in
    `resources.place`.
    """

    def __init__(self, folder: Path | str, *, device: str = "auto", dtype: str = "auto") -> None:
        self.folder, self.grid = Path(folder), sans_grid(BASE.side_px, GOT.density)
        self._device, self._dtype = device, dtype
        self._lock = threading.Lock()

    @cached_property
    def profile(self) -> ReaderProfile:
        """Facts about this checkpoint; reads headers but no weights. Raises `CheckpointError`."""
        text = self._found.published.get("text_config")
        dim = text.get("hidden_size") if isinstance(text, dict) else None
        if not isinstance(dim, int):
            raise CheckpointError(
                f"{self.folder / 'config.json'} does not tell the width of a token"
            )
        return ReaderProfile(GOT.id, self._found.revision(), dim, Ladder(GOT.rungs), self.grid)

    def encode(self, images: Sequence[npt.NDArray[np.uint8]], rung: Rung) -> list[VisualTokens]:
        """See pages: (1024, 1024) uint8 each; gives (256, dim) float32 tokens a page."""
        import torch

        for image in images:
            if rung != BASE or image.shape != (BASE.side_px, BASE.side_px):
                raise ReaderMismatch(
                    f"{GOT.id} reads {BASE.side_px} px pages, not {image.shape} at {rung.name}"
                )
        found: list[VisualTokens] = []
        with torch.inference_mode():
            for start in range(0, len(images), ENCODE_AT_ONCE):
                seen = self._vision.see(np.stack(images[start : start + ENCODE_AT_ONCE]))
                found += [VisualTokens(page, *self._maker, rung.name) for page in seen]
        return found

    def decode(self, tokens: Sequence[VisualTokens], layouts: Sequence[Layout]) -> list[Reading]:
        """Read pages back from their tokens; a page on which the decoder failed at every try is
        U+FFFD throughout.
        """
        from optical_memory.readers.language.align import fit, unread

        found = self._transcripts(tokens, layouts)
        return [
            unread(layout) if isinstance(read, str) else fit(read, layout)
            for read, layout in zip(found, layouts, strict=True)
        ]

    def certify(self, tokens: Sequence[VisualTokens], pages: Sequence[Page]) -> list[Reading]:
        """What `decode` reads. Raises `ReadingFailed` for a page that it cannot read."""
        from optical_memory.readers.language.align import fit

        readings = []
        for read, page in zip(
            self._transcripts(tokens, [p.layout for p in pages]), pages, strict=True
        ):
            if isinstance(read, str):
                raise ReadingFailed(f"{GOT.id} did not read the page: {read}")
            readings.append(fit(read, page.layout))
        return readings

    # ---- inside ----------------------------------------------------------------------------------

    @property
    def _maker(self) -> tuple[str, str]:
        return self.profile.id, self.profile.revision

    def _transcripts(
        self, tokens: Sequence[VisualTokens], layouts: Sequence[Layout]
    ) -> list[Transcript | str]:
        """What the decoder wrote of each page, or why it is no reading; failures are tried with the
        next guard.
        """
        from optical_memory.readers.language.loop_guard import failure

        for page in tokens:
            self._must_be_ours(page)
        found: dict[int, Transcript | str] = dict.fromkeys(range(len(tokens)), "")
        for guard in GOT.guards:
            left = [i for i, read in found.items() if isinstance(read, str)]
            tasks = [_task(tokens[i], layouts[i], guard) for i in left]
            for i, read in zip(left, self._decoder.transcribe(tasks) if tasks else (), strict=True):
                found[i] = failure(read, layouts[i].n_chars) or read
        return list(found.values())

    def _must_be_ours(self, tokens: VisualTokens) -> None:
        if (tokens.reader, tokens.revision) != self._maker:
            raise ReaderMismatch(
                f"tokens of {tokens.reader}@{tokens.revision} were given to {'@'.join(self._maker)}"
            )
        if tokens.rung != BASE.name or tokens.values.shape != (BASE.n_grid_tokens, self.profile.dim):
            wanted = (BASE.n_grid_tokens, self.profile.dim)
            raise ReaderMismatch(
                f"{GOT.id} reads {wanted} tokens at base, not {tokens.values.shape} at {tokens.rung}"
            )

    @cached_property
    def _found(self) -> Published:
        published = read_json(self.folder / "config.json")
        if not (self.folder / "model.safetensors").is_file():
            raise CheckpointError(f"{self.folder} has no model.safetensors")
        return Published(
            self.folder, GOT, published, (read_header(self.folder / "model.safetensors"),)
        )

    @property
    def _config(self) -> GotOcr2Config:
        from optical_memory.readers.got.network import got_config

        return got_config(self._found.published)

    @cached_property
    def _vision(self) -> GotVision:
        from optical_memory.readers.checkpoints.devices import place
        from optical_memory.readers.got.network import load_vision

        with self._lock:
            if "_vision" not in self.__dict__:
                self.__dict__["_vision"] = load_vision(
                    self.folder, self._config, at=place("encoder", self._device, self._dtype)
                )
            return self.__dict__["_vision"]  # type: ignore[no-any-return]  # kept while the lock is held

    @cached_property
    def _decoder(self) -> GotDecoder:
        from optical_memory.readers.checkpoints.devices import place
        from optical_memory.readers.got.network import load_decoder

        with self._lock:
            if "_decoder" not in self.__dict__:
                tokenizer, at = (
                    folder_tokenizer(self.folder),
                    place("decoder", self._device, self._dtype),
                )
                self.__dict__["_decoder"] = load_decoder(
                    self.folder, self._config, tokenizer, at=at
                )
            return self.__dict__["_decoder"]  # type: ignore[no-any-return]  # kept while the lock is held


def _task(tokens: VisualTokens, layout: Layout, guard: Guard) -> Task:
    """As many new tokens as the page has characters, and some: text has fewer, what is longer is no
    reading.
    """
    limit = min(layout.n_chars + 64, GOT.most_tokens - 512)
    return Task(np.ascontiguousarray(tokens.values, np.float32), GOT.prompts["plain"], limit, guard)


def is_got(folder: Path) -> bool:
    """Whether the folder's config.json is GOT-OCR2.0's."""
    try:
        return read_json(folder / "config.json").get("model_type") == "got_ocr2"
    except CheckpointError:
        return False
