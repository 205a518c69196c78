"""DeepSeek-OCR, Unlimited-OCR and DeepSeek-OCR-2 as readers, from a folder in the published form.

Encoder and decoder load apart, each when it is first needed. A process that only writes pages never
loads the decoder; a process that reads cached tokens never runs the vision tower. The decoder may
also be a server (`decoder=…`). A reading that loops or stops early is tried again with stricter
guards and another prompt. If all attempts fail, the page is unread: it keeps its exact facts, and
nothing is made up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from optical_memory.errors import ReaderMismatch
from optical_memory.pages import Layout, Page
from optical_memory.profiles import Ladder, ReaderProfile, Rung
from optical_memory.readers.deepseek.constants import read_constants, with_constants
from optical_memory.readers.deepseek.grounding import Block, parse_marks
from optical_memory.readers.deepseek.many_pages import transcribe_together
from optical_memory.readers.deepseek.open_folder import open_folder
from optical_memory.readers.deepseek.page_attempts import (
    UNGUARDED,
    PageAttempts,
    forbids,
    token_limit,
)
from optical_memory.readers.language.align import fit
from optical_memory.readers.language.attempts import NOT_READ, Attempt
from optical_memory.readers.language.decoder import Decoder, Guard, Task, Transcript
from optical_memory.readers.language.family import choose_rungs
from optical_memory.readers.language.tokenizer import folder_tokenizer
from optical_memory.readers.locked_property import locked_cached_property
from optical_memory.readers.threads import wait_passively
from optical_memory.readings import Reading
from optical_memory.renderers.sans_grid import sans_grid
from optical_memory.tokens import VisualTokens

if TYPE_CHECKING:
    from optical_memory.readers.deepseek.encoder import LocalEncoder

__all__ = ["DeepseekReader"]

Floats = npt.NDArray[np.float32]

MANY_PAGES = Guard(35, 1024, ())  # Unlimited-OCR's own for several pages in one prompt


class DeepseekReader:
    """A published checkpoint in `folder`.

    `ladder` names rungs from the finest to the coarsest; None means the family's own ladder.
    `device` and `dtype` are "auto" or as in `checkpoints.devices.choose_device`, for both halves.
    `decoder` reads pages elsewhere. Raises `CheckpointError` if the folder holds no such
    checkpoint, and `ReaderMismatch` for a ladder that the family does not have.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        ladder: Sequence[str] | None = None,
        device: str = "auto",
        dtype: str = "auto",
        decoder: Decoder | None = None,
    ) -> None:
        wait_passively()
        names = (ladder,) if isinstance(ladder, str) else ladder
        self.checkpoint = open_folder(Path(folder))
        self.folder = self.checkpoint.path
        self.family = self.checkpoint.family
        self.ladder = choose_rungs(self.family, names)
        self._device = device
        self._dtype = dtype
        self._remote_decoder = decoder

    @property
    def profile(self) -> ReaderProfile:
        """Facts about this checkpoint. Reads headers and samples of weights, and loads no torch."""
        return self._profile

    @cached_property
    def _profile(self) -> ReaderProfile:
        verbatim = self.family.rung(self.family.verbatim)
        return ReaderProfile(
            self.family.id,
            self.checkpoint.revision(),
            dim=self.checkpoint.sections.decoder.hidden_size,
            ladder=Ladder(self.ladder),
            grid=sans_grid(verbatim.side_px, self.family.density),
            fidelity=self.family.fidelity,
        )

    # ---- the two halves --------------------------------------------------------------------------

    @locked_cached_property
    def encoder(self) -> LocalEncoder:
        """The encoder in this process; its weights load at the first picture."""
        from optical_memory.readers.checkpoints.devices import choose_device
        from optical_memory.readers.deepseek.encoder import LocalEncoder

        device = choose_device("encoder", self._device, self._dtype)
        return LocalEncoder(self.checkpoint, device)

    @locked_cached_property
    def decoder(self) -> Decoder:
        """The decoder elsewhere, or in this process; there its weights load at the first page."""
        if self._remote_decoder is not None:
            return self._remote_decoder
        from optical_memory.readers.checkpoints.devices import choose_device
        from optical_memory.readers.deepseek.local_decoder import LocalDecoder

        tokenizer = folder_tokenizer(self.folder)
        device = choose_device("decoder", self._device, self._dtype)
        return LocalDecoder(self.checkpoint, tokenizer, device)

    @property
    def served(self) -> bool:
        """Whether pages are read elsewhere."""
        return self._remote_decoder is not None

    # ---- seeing ----------------------------------------------------------------------------------

    def encode(self, images: Sequence[npt.NDArray[np.uint8]], rung: Rung) -> list[VisualTokens]:
        """See pages, (height, width) uint8 each, 0 on 255, as (n_grid_tokens, dim) float32 tokens.

        Raises `ReaderMismatch` if a picture does not have the rung's size.
        """
        profile = self.profile
        pages = self.encoder.encode(images, rung)
        return [VisualTokens(values, profile.id, profile.revision, rung.name) for values in pages]

    def decoder_input(self, tokens: VisualTokens) -> Floats:
        """All tokens that the decoder receives of a page, (n_tokens, dim).

        Raises `ReaderMismatch` for tokens of another model or revision, or of an unknown rung.
        """
        profile = self.profile
        if (tokens.reader, tokens.revision) != (profile.id, profile.revision):
            raise ReaderMismatch(
                f"tokens of {tokens.reader}@{tokens.revision} were given to "
                f"{profile.id}@{profile.revision}"
            )
        return with_constants(tokens.values, self._rung(tokens).views, *self._constants)

    @cached_property
    def _constants(self) -> tuple[Floats | None, Floats]:
        newlines = self.ladder[0].views.newlines
        return read_constants(self.checkpoint, newlines=newlines, dim=self.profile.dim)

    def _rung(self, tokens: VisualTokens) -> Rung:
        try:
            return self.family.rung(tokens.rung)
        except KeyError as error:
            raise ReaderMismatch(str(error)) from error

    # ---- reading ---------------------------------------------------------------------------------

    def decode(
        self,
        tokens: Sequence[VisualTokens],
        layouts: Sequence[Layout],
        lines: Sequence[Sequence[int]] | None = None,
    ) -> list[Reading]:
        """Read pages of any rungs back, in batches, and all their lines: they depend on each other.

        A page that cannot be read is U+FFFD throughout, with confidence 0. Raises `ReaderMismatch`
        for tokens of another model or revision.
        """
        tasks = self._tasks(tokens, layouts, self._attempts.usual[0])
        return self._attempts.read(self.decoder, tasks, layouts)

    def certify(self, tokens: Sequence[VisualTokens], pages: Sequence[Page]) -> list[Reading]:
        """The readings of `decode_by`; a page that repeats itself is read without a guard.

        If the decoder is in this process, the page's text is its draft, which makes it faster.
        """
        methods = [self._method(page) for page in pages]
        transcribe = getattr(self.decoder, "transcribe_drafted", None)
        if transcribe is None:
            return self.decode_by(tokens, [page.layout for page in pages], methods)
        return [
            self._certify_page(transcribe, values, page, method)
            for values, page, method in zip(tokens, pages, methods, strict=True)
        ]

    def _method(self, page: Page) -> str:
        ids = folder_tokenizer(self.folder).encode("\n".join(page.lines)).ids
        return UNGUARDED if forbids(self.family.guards[0], ids) else ""

    def _certify_page(
        self,
        transcribe: Callable[[Task, str], Transcript],
        tokens: VisualTokens,
        page: Page,
        method: str,
    ) -> Reading:
        attempt = self._attempts.unguarded if method else self._attempts.usual[0]
        (task,) = self._tasks([tokens], [page.layout], attempt)
        outcome = self._attempts.judge(
            transcribe(task, "\n".join(page.lines)), page.layout, attempt
        )
        if isinstance(outcome, str):
            return self.decode([tokens], [page.layout])[0]
        return replace(fit(outcome, page.layout), method=method)

    def decode_by(
        self, tokens: Sequence[VisualTokens], layouts: Sequence[Layout], methods: Sequence[str]
    ) -> list[Reading]:
        """Read pages by the methods that their certificates name; "" is that of `decode`.

        A page that cannot be read so is read as `decode` does, and its reading names no method.
        """
        readings = self._read_unguarded(tokens, layouts, methods)
        rest = [i for i in range(len(tokens)) if i not in readings]
        usual = self.decode([tokens[i] for i in rest], [layouts[i] for i in rest])
        readings.update(zip(rest, usual, strict=True))
        return [readings[i] for i in range(len(tokens))]

    def _read_unguarded(
        self, tokens: Sequence[VisualTokens], layouts: Sequence[Layout], methods: Sequence[str]
    ) -> dict[int, Reading]:
        """The readings of the pages of this method that can be read so, by their numbers."""
        numbers = [i for i, method in enumerate(methods) if method == UNGUARDED]
        some_layouts = [layouts[i] for i in numbers]
        tasks = self._tasks([tokens[i] for i in numbers], some_layouts, self._attempts.unguarded)
        readings = self._attempts.read_unguarded(self.decoder, tasks, some_layouts)
        return {i: reading for i, reading in zip(numbers, readings, strict=True) if reading}

    def decode_together(
        self, tokens: Sequence[VisualTokens], layouts: Sequence[Layout], pages: int = 8
    ) -> list[Reading]:
        """Read up to `pages` pages in one prompt; pages that do not come back are read one by one.

        For transcribing many pages at once with Unlimited-OCR. A memory reads every page by itself,
        as it was certified. Raises `ReaderMismatch` for a family that was not trained for it.
        """
        if "pages" not in self.family.prompts:
            raise ReaderMismatch(
                f"{self.family.id} reads one page a prompt, only unlimited-ocr reads several"
            )
        attempt = Attempt(self.family.prompts["pages"], MANY_PAGES)
        tasks = self._tasks(tokens, layouts, attempt)
        parts = transcribe_together(self.decoder, tasks, pages, self.family.context_length)
        outcomes = [
            self._attempts.judge(part, layout, attempt) if part else NOT_READ
            for part, layout in zip(parts, layouts, strict=True)
        ]
        return self._attempts.read(self.decoder, tasks, layouts, outcomes)

    # ---- questions -------------------------------------------------------------------------------

    def ask(self, tokens: VisualTokens, prompt: str, limit: int = 2048) -> Transcript:
        """The decoder's answer, of at most `limit` tokens, to a question about a page.

        `prompt` is the name of one of the family's prompts, or a text of your own. Raises
        `ReaderMismatch` for tokens of another model or revision.
        """
        text = self.family.prompts.get(prompt, prompt)
        task = Task(self.decoder_input(tokens), text, limit, self.family.guards[0])
        (transcript,) = self.decoder.transcribe([task])
        return transcript

    def locate(self, tokens: VisualTokens, words: str | None = None) -> list[Block]:
        """The places of `words` on a page in px, or, for None, all blocks of the page.

        Raises `ReaderMismatch` for a family that was not trained to ground its readings.
        """
        name = "grounded" if words is None else "locate"
        if name not in self.family.prompts:
            raise ReaderMismatch(f"{self.family.id} was not trained to ground what it reads")
        prompt = self.family.prompts[name].replace("{}", words or "")
        return parse_marks(self.ask(tokens, prompt).text, self._rung(tokens).size_px)

    # ---- attempts --------------------------------------------------------------------------------

    @cached_property
    def _attempts(self) -> PageAttempts:
        return PageAttempts(self.family)

    def _tasks(
        self, tokens: Sequence[VisualTokens], layouts: Sequence[Layout], attempt: Attempt
    ) -> list[Task]:
        return [
            Task(self.decoder_input(values), attempt.prompt, token_limit(layout), attempt.guard)
            for values, layout in zip(tokens, layouts, strict=True)
        ]
