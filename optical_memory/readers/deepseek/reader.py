"""DeepSeek-OCR, Unlimited-OCR and DeepSeek-OCR-2 as readers, from a folder in the published form.

Encoder and decoder load apart and when they are needed: a process that only writes pages never
loads the decoder, one that reads cached tokens never runs the vision tower. The decoder may also be
a server (`decoder=…`). A reading that loops or stops early is tried again with stricter guards and
another prompt; what still fails is given as unread, so that its page keeps its exact facts and
nothing is made up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from optical_memory.errors import CheckpointError, ReaderMismatch
from optical_memory.pages import Layout, Page
from optical_memory.profiles import Ladder, ReaderProfile, Rung
from optical_memory.readers.deepseek.config import open_folder
from optical_memory.readers.deepseek.families import Family
from optical_memory.readers.deepseek.grounding import Locate, located, without_marks
from optical_memory.readers.deepseek.many_pages import transcribe_together
from optical_memory.readers.deepseek.views import dressed
from optical_memory.readers.language.align import fit, unread
from optical_memory.readers.language.decoder import Decoder, Guard, Task, Transcript
from optical_memory.readers.language.tokenizer import folder_tokenizer
from optical_memory.readings import Reading
from optical_memory.renderers.sans_grid import sans_grid
from optical_memory.tokens import VisualTokens

if TYPE_CHECKING:
    from optical_memory.readers.deepseek.encoder import LocalEncoder
    from optical_memory.readers.deepseek.local_decoder import LocalDecoder

__all__ = ["DeepseekReader"]

log = logging.getLogger("optical_memory")

CELLS_PER_TOKEN = (
    2.0  # half-em cells of text a token at least: prose has about 4, Chinese 2.6, random hex 2
)
SPARE_TOKENS = 64
MANY_PAGES = Guard(35, 1024, ())  # Unlimited-OCR's own for several pages in one prompt


class DeepseekReader:
    """A published checkpoint in `folder`.

    `ladder` names rungs from the finest to the coarsest (the family's own choice where None).
    `device` and `dtype` are "auto" or as in `resources.place`, for both halves. `decoder` reads
    elsewhere. Raises `CheckpointError`, and `ReaderMismatch` for a rung that the family has not, or
    that is not square: pages are.
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
        self.found = open_folder(Path(folder))
        self.folder, self.family = self.found.folder, self.found.family
        self.ladder = _rungs(self.family, (ladder,) if isinstance(ladder, str) else ladder)
        self._device, self._dtype, self._given = device, dtype, decoder

    @cached_property
    def profile(self) -> ReaderProfile:
        """Facts about this checkpoint; reads its headers and samples of its weights, loads no
        torch.
        """
        verbatim = self.family.rung(self.family.verbatim)
        return ReaderProfile(
            self.family.id,
            self.found.revision(),
            dim=int(self.found.published["language_config"]["hidden_size"]),
            ladder=Ladder(self.ladder),
            grid=sans_grid(verbatim.side_px, self.family.density),
            fidelity=self.family.fidelity,
        )

    # ---- seeing ----------------------------------------------------------------------------------

    def encode(self, images: Sequence[npt.NDArray[np.uint8]], rung: Rung) -> list[VisualTokens]:
        """See pages: (height, width) uint8 each, 0 on 255; gives (n_grid_tokens, dim) float32 a page."""
        profile = self.profile
        tokens = self.encoder.encode(images, rung)
        return [VisualTokens(values, profile.id, profile.revision, rung.name) for values in tokens]

    # ---- reading ---------------------------------------------------------------------------------

    def decode(self, tokens: Sequence[VisualTokens], layouts: Sequence[Layout]) -> list[Reading]:
        """Read pages of any rungs back, in batches; one that cannot be read is U+FFFD throughout,
        with confidence 0.
        """
        prefixes = [self._received(one) for one in tokens]
        return self._read(prefixes, layouts, [None] * len(prefixes))

    def _read(
        self,
        prefixes: Sequence[npt.NDArray[np.float32]],
        layouts: Sequence[Layout],
        found: list[Transcript | None],
    ) -> list[Reading]:
        """Read what is not found yet, with one attempt after the other."""
        for prompt, guard in self._attempts():
            missing = [i for i, transcript in enumerate(found) if transcript is None]
            tasks = [Task(prefixes[i], prompt, _limit(layouts[i]), guard) for i in missing]
            for i, transcript in zip(
                missing, self.decoder.transcribe(tasks) if tasks else [], strict=True
            ):
                found[i] = self._accepted(transcript, layouts[i], prompt)
        return [self._reading(t, layout) for t, layout in zip(found, layouts, strict=True)]

    def certify(self, tokens: Sequence[VisualTokens], pages: Sequence[Page]) -> list[Reading]:
        """What `decode` reads, found faster with the page's text as a draft where the decoder is in
        this process.
        """
        drafted = getattr(self.decoder, "transcribe_drafted", None)
        if drafted is None:
            return self.decode(tokens, [page.layout for page in pages])
        return [
            self._certified(drafted, one, page) for one, page in zip(tokens, pages, strict=True)
        ]

    def _certified(
        self, drafted: Callable[[Task, str], Transcript], tokens: VisualTokens, page: Page
    ) -> Reading:
        prompt, guard = next(self._attempts())
        task = Task(self._received(tokens), prompt, _limit(page.layout), guard)
        found = self._accepted(drafted(task, "\n".join(page.lines)), page.layout, prompt)
        return fit(found, page.layout) if found else self.decode([tokens], [page.layout])[0]

    def decode_together(
        self, tokens: Sequence[VisualTokens], layouts: Sequence[Layout], pages: int = 8
    ) -> list[Reading]:
        """Read up to `pages` pages in one prompt, those that do not come back one by one: for
        Unlimited-OCR.

        For transcribing many pages at once. A memory reads every page by itself, as it was
        certified. Raises `ReaderMismatch` for a family that was not trained for it.
        """
        if "pages" not in self.family.prompts:
            raise ReaderMismatch(
                f"{self.family.id} reads one page a prompt, only unlimited-ocr reads several"
            )
        prefixes, prompt = [self._received(one) for one in tokens], self.family.prompts["pages"]
        tasks = [
            Task(p, prompt, _limit(layout), MANY_PAGES)
            for p, layout in zip(prefixes, layouts, strict=True)
        ]
        parts = transcribe_together(self.decoder, tasks, pages, self.family.most_tokens)
        found = [
            part and self._accepted(part, layout, prompt)
            for part, layout in zip(parts, layouts, strict=True)
        ]
        return self._read(prefixes, layouts, found)

    def ask(self, tokens: VisualTokens, prompt: str, limit: int = 2048) -> Transcript:
        """What the decoder says of a page to one of the family's prompts by name, or to a text of
        your own.
        """
        text = self.family.prompts.get(prompt, prompt)
        (found,) = self.decoder.transcribe(
            [Task(self._received(tokens), text, limit, self.family.guards[0])]
        )
        return found

    def locate(self, tokens: VisualTokens, words: str | None = None) -> list[Locate]:
        """Blocks of the page with their boxes, or where `words` stand. Raises `ReaderMismatch` for
        a family without.
        """
        name = "grounded" if words is None else "locate"
        if name not in self.family.prompts:
            raise ReaderMismatch(f"{self.family.id} was not trained to ground what it reads")
        size = self._rung(tokens).size_px
        return located(
            self.ask(tokens, self.family.prompts[name].replace("{}", words or "")).text, size
        )

    # ---- inside ----------------------------------------------------------------------------------

    @cached_property
    def encoder(self) -> LocalEncoder:
        from optical_memory.readers.checkpoints.devices import place
        from optical_memory.readers.deepseek.encoder import LocalEncoder

        return LocalEncoder(self.found, place("encoder", self._device, self._dtype))

    @property
    def served(self) -> bool:
        """Whether pages are read elsewhere."""
        return self._given is not None

    @cached_property
    def decoder(self) -> Decoder:
        if self._given is not None:
            return self._given
        return self._local_decoder()

    def _local_decoder(self) -> LocalDecoder:
        from optical_memory.readers.checkpoints.devices import place
        from optical_memory.readers.deepseek.local_decoder import LocalDecoder

        return LocalDecoder(
            self.found,
            folder_tokenizer(self.found.folder),
            place("decoder", self._device, self._dtype),
        )

    @cached_property
    def _constants(self) -> tuple[npt.NDArray[np.float32] | None, npt.NDArray[np.float32]]:
        """Newline (where the family has one) and separator, (dim,) each."""
        found = self.found.vectors("model.image_newline", "model.view_seperator")
        needed = [
            "model.view_seperator",
            *(["model.image_newline"] if self.ladder[0].views.newlines else []),
        ]
        if lacking := [name for name in needed if name not in found]:
            raise CheckpointError(f"{self.folder} lacks {', '.join(lacking)}")
        for name, value in found.items():
            if value.shape != (self.profile.dim,):
                raise CheckpointError(
                    f"{self.folder} has {name} of shape {value.shape}, not {(self.profile.dim,)}"
                )
        return found.get("model.image_newline"), found["model.view_seperator"]

    def _received(self, tokens: VisualTokens) -> npt.NDArray[np.float32]:
        """All that the decoder receives of a page. Raises `ReaderMismatch` for tokens of another
        model or revision.
        """
        profile = self.profile
        if (tokens.reader, tokens.revision) != (profile.id, profile.revision):
            made, mine = f"{tokens.reader}@{tokens.revision}", f"{profile.id}@{profile.revision}"
            raise ReaderMismatch(f"tokens of {made} were given to {mine}")
        return dressed(tokens.values, self._rung(tokens).views, *self._constants)

    def _rung(self, tokens: VisualTokens) -> Rung:
        try:
            return self.family.rung(tokens.rung)
        except KeyError as error:
            raise ReaderMismatch(str(error)) from error

    def _attempts(self) -> Iterator[tuple[str, Guard]]:
        """(prompt, guard) from the usual one to the last resort."""
        for guard in self.family.guards:
            yield self.family.prompts["plain"], guard
        if "grounded" in self.family.prompts:
            yield self.family.prompts["grounded"], self.family.guards[0]

    def _accepted(self, transcript: Transcript, layout: Layout, prompt: str) -> Transcript | None:
        """The reading without the marks that come with this prompt (a page may show some itself),
        None if it failed.
        """
        from optical_memory.readers.language.loop_guard import failure

        marked = self.family.marks or prompt == self.family.prompts.get("grounded")
        plain = without_marks(transcript) if marked else transcript
        why = failure(plain, layout.n_chars)
        if why is not None:
            log.info("a reading by %s failed: %s", self.family.id, why)
        return plain if why is None else None

    def _reading(self, transcript: Transcript | None, layout: Layout) -> Reading:
        if transcript is None:
            log.warning("%s could not read a page; its exact facts stay", self.family.id)
            return unread(layout)
        return fit(transcript, layout)


def _rungs(family: Family, names: Sequence[str] | None) -> tuple[Rung, ...]:
    try:
        rungs = tuple(family.rung(name) for name in names or family.ladder)
    except KeyError as error:
        raise ReaderMismatch(str(error)) from error
    if oblong := [rung.name for rung in rungs if rung.size_px[0] != rung.size_px[1]]:
        raise ReaderMismatch(
            f"{', '.join(oblong)} is not square, and a memory's pages are: only encode takes it"
        )
    if any(a.n_tokens <= b.n_tokens for a, b in pairwise(rungs)):
        raise ReaderMismatch(
            f"a ladder goes from more tokens to fewer, not {[(r.name, r.n_tokens) for r in rungs]}"
        )
    return rungs


def _limit(layout: Layout) -> int:
    """Tokens that a page's text takes at most."""
    return (
        int(sum(row.cells for row in layout.rows) / CELLS_PER_TOKEN)
        + len(layout.rows)
        + SPARE_TOKENS
    )
