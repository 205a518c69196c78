"""A family of published models, as data: its sizes of pages, prompts and guards against loops.

Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from optical_memory.errors import ReaderMismatch
from optical_memory.profiles import Rung
from optical_memory.readers.language.decoder import Guard

__all__ = [
    "Family",
    "choose_rungs",
]


@dataclass(frozen=True, eq=False)
class Family:
    """One kind of published checkpoint.

    `architecture` is the first of `architectures` in its config.json. `rungs` are all sizes that
    it was trained for, and `extra_rungs` those that are in no published code, used only by name.
    `ladder` names the default rungs. `prompts` maps our names to the exact text after the picture.
    Pages are laid out so that the rung `verbatim` has `density` drawn px² per character. `guards`
    are tried in order. `context_length` is the longest sequence of the decoder, in tokens.
    `fidelity` is a curve of (drawn px² per character, mean character accuracy). `has_marks` says
    that plain readings come with grounding marks.
    """

    id: str
    architecture: str
    rungs: tuple[Rung, ...]
    ladder: tuple[str, ...]
    prompts: Mapping[str, str]
    verbatim: str
    density: float
    guards: tuple[Guard, ...]
    context_length: int = 8192
    sliding_window: int | None = None
    fidelity: tuple[tuple[float, float], ...] = ()
    has_marks: bool = False
    extra_rungs: tuple[Rung, ...] = ()

    def rung(self, name: str) -> Rung:
        """A rung by its name, also of a mosaic (`gundam-3x2`). Raises `KeyError` if unknown."""
        rungs = {rung.name: rung for rung in (*self.rungs, *self.extra_rungs)}
        if name not in rungs:
            raise KeyError(f"{self.id} has no rung {name!r}; it has {list(rungs)}")
        return rungs[name]


def choose_rungs(family: Family, names: Sequence[str] | None) -> tuple[Rung, ...]:
    """The rungs of a memory's ladder by their names; None means the family's own ladder.

    Raises `ReaderMismatch` if the family lacks a rung, if a rung is not square as the pages of a
    memory are, or if a rung does not have fewer tokens than the rung before it.
    """
    try:
        rungs = tuple(family.rung(name) for name in names or family.ladder)
    except KeyError as error:
        raise ReaderMismatch(str(error)) from error
    oblong = [rung.name for rung in rungs if rung.size_px[0] != rung.size_px[1]]
    if oblong:
        raise ReaderMismatch(
            f"{', '.join(oblong)} is not square, and a memory's pages are: only encode takes it"
        )
    if any(finer.n_tokens <= coarser.n_tokens for finer, coarser in pairwise(rungs)):
        counts = [(rung.name, rung.n_tokens) for rung in rungs]
        raise ReaderMismatch(f"a ladder goes from more tokens to fewer, not {counts}")
    return rungs
