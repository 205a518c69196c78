"""DeepSeek-OCR, Unlimited-OCR and DeepSeek-OCR-2 as readers, from a folder in the published form.

Encoder and decoder load apart, each when it is first needed. A process that only writes pages never
loads the decoder; a process that reads cached tokens never runs the vision tower. The decoder may
also be a server (`decoder=…`). A reading that loops or stops early is tried again with stricter
guards and another prompt. If all attempts fail, the page is unread: it keeps its exact facts, and
nothing is made up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from optical_memory.errors import ReaderMismatch
from optical_memory.pages import Layout, Page
from optical_memory.profiles import Ladder, ReaderProfile, Rung
from optical_memory.readers.deepseek.constants import read_constants, with_constants
from optical_memory.readers.deepseek.grounding import Block, parse_marks, without_marks
from optical_memory.readers.deepseek.many_pages import transcribe_together
from optical_memory.readers.deepseek.open_folder import open_folder
from optical_memory.readers.deepseek.token_limit import token_limit
from optical_memory.readers.language.align import fit, unread
from optical_memory.readers.language.attempts import (
    NOT_READ,
    Attempt,
    Outcome,
    failure,
    read_in_attempts,
)
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

log = logging.getLogger("optical_memory")
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
        tasks = self._tasks(tokens, layouts, self._attempts()[0])
        return self._read(tasks, layouts)

    def certify(self, tokens: Sequence[VisualTokens], pages: Sequence[Page]) -> list[Reading]:
        """The readings of `decode`.

        If the decoder is in this process, the page's text is its draft, which makes it faster.
        """
        transcribe = getattr(self.decoder, "transcribe_drafted", None)
        if transcribe is None:
            return self.decode(tokens, [page.layout for page in pages])
        return [
            self._certify_page(transcribe, values, page)
            for values, page in zip(tokens, pages, strict=True)
        ]

    def _certify_page(
        self, transcribe: Callable[[Task, str], Transcript], tokens: VisualTokens, page: Page
    ) -> Reading:
        attempt = self._attempts()[0]
        (task,) = self._tasks([tokens], [page.layout], attempt)
        outcome = self._judge(transcribe(task, "\n".join(page.lines)), page.layout, attempt)
        if isinstance(outcome, str):
            return self.decode([tokens], [page.layout])[0]
        return fit(outcome, page.layout)

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
            self._judge(part, layout, attempt) if part else NOT_READ
            for part, layout in zip(parts, layouts, strict=True)
        ]
        return self._read(tasks, layouts, outcomes)

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

    def _attempts(self) -> list[Attempt]:
        """From the usual prompt and guard to the last resort."""
        prompts = self.family.prompts
        attempts = [Attempt(prompts["plain"], guard) for guard in self.family.guards]
        if "grounded" in prompts:
            attempts.append(Attempt(prompts["grounded"], self.family.guards[0]))
        return attempts

    def _tasks(
        self, tokens: Sequence[VisualTokens], layouts: Sequence[Layout], attempt: Attempt
    ) -> list[Task]:
        return [
            Task(self.decoder_input(values), attempt.prompt, token_limit(layout), attempt.guard)
            for values, layout in zip(tokens, layouts, strict=True)
        ]

    def _read(
        self, tasks: Sequence[Task], layouts: Sequence[Layout], outcomes: Sequence[Outcome] = ()
    ) -> list[Reading]:
        """Read the pages that are not among `outcomes` yet, and align each with its layout."""

        def judge(transcript: Transcript, i: int, attempt: Attempt) -> Outcome:
            return self._judge(transcript, layouts[i], attempt)

        outcomes = read_in_attempts(self.decoder, tasks, self._attempts(), judge, outcomes)
        readings: list[Reading] = []
        for outcome, layout in zip(outcomes, layouts, strict=True):
            if isinstance(outcome, str):
                log.warning("%s could not read a page; its exact facts stay", self.family.id)
                readings.append(unread(layout))
            else:
                readings.append(fit(outcome, layout))
        return readings

    def _judge(self, transcript: Transcript, layout: Layout, attempt: Attempt) -> Outcome:
        """The transcript without the marks that come with its prompt, or the reason of its failure.

        Without such a prompt, marks in the text stand on the page itself.
        """
        has_marks = attempt.prompt == self.family.prompts.get("grounded")
        plain = without_marks(transcript) if has_marks or self.family.has_marks else transcript
        reason = failure(plain, layout.n_chars)
        if reason is None:
            return plain
        log.info("a reading by %s failed: %s", self.family.id, reason)
        return reason
