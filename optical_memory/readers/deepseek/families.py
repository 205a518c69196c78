"""What is known of each published model family, as data: architecture, rungs, prompts, guards
against loops.

Sources: the models' published config.json and inference code (prompts, guards, tile rules);
densities are recomputed from published outputs on text rendered in Noto Sans. No model code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optical_memory.profiles import Rung, Views
from optical_memory.readers.language.decoder import Guard

__all__ = ["FAMILIES", "FIDELITY", "UNLIMITED", "V1", "V2", "Family", "gundam", "v2_tiles"]

FIDELITY = (
    *((45.0, 0.670), (55.0, 0.810), (65.0, 0.960), (75.0, 0.967)),
    *((90.0, 0.992), (115.0, 0.986), (155.0, 0.992), (220.0, 0.997)),
)
"""(drawn px² per character, mean character accuracy): DeepSeek-OCR, English pages of the Fox
benchmark rendered at 16 px and read at Tiny, Small and Base, 335 readings; the middle of each bin.
One curve for the three sizes; at Large and in tiles it is extrapolated. Numbers fare worse than
prose (.72 of them exact at 75, .94 at 90).
"""


def gundam(across: int, down: int, tile_px: int = 640, page_px: int = 1024) -> Rung:
    """A mosaic of tiles beside the whole page, as DeepSeek-OCR's Gundam mode: 2 x 2 tiles cost 693
    tokens.
    """
    return Rung(f"gundam-{across}x{down}", down * tile_px, Views(page_px, tile_px, across, down))


def gundam_master(across: int, down: int) -> Rung:
    """Tiles of 1024 px and the whole page at 1280 (named in the paper, in no published code)."""
    return Rung(f"gundam-master-{across}x{down}", down * 1024, Views(1280, 1024, across, down))


def v2_tiles(across: int, down: int) -> Rung:
    """DeepSeek-OCR-2's 2 to 6 tiles of 768 px (144 tokens each) beside the whole page at 1024 px
    (256).
    """
    return Rung(
        f"tiles-{across}x{down}", down * 768, Views(1024, 768, across, down, newlines=False)
    )


@dataclass(frozen=True, eq=False)
class Family:
    """One kind of published checkpoint.

    `architecture` is the first of `architectures` in its config.json. `rungs` are all sizes it was
    trained for, and `ladder` those used where nothing else is asked. `prompts` maps our names to
    the exact text after the picture. Pages are laid out so that the rung `verbatim` has `density`
    drawn px² per character. `guards` are tried in order. `most_tokens` is the longest sequence of
    the decoder.
    """

    id: str
    architecture: str
    rungs: tuple[Rung, ...]
    ladder: tuple[str, ...]
    prompts: Mapping[str, str]
    verbatim: str
    density: float
    guards: tuple[Guard, ...]
    most_tokens: int = 8192
    sliding_window: int | None = None
    fidelity: tuple[tuple[float, float], ...] = ()
    marks: bool = False
    """Plain readings come with grounding marks."""
    off: tuple[Rung, ...] = field(default=())
    """Rungs that are in no published code; taken only when named."""

    def rung(self, name: str) -> Rung:
        """A rung by name, mosaics too (`gundam-3x2`). Raises `KeyError`."""
        for rung in (*self.rungs, *self.off):
            if rung.name == name:
                return rung
        raise KeyError(
            f"{self.id} has no rung {name!r}; it has {[r.name for r in (*self.rungs, *self.off)]}"
        )


def _mosaics(most: int) -> tuple[tuple[int, int], ...]:
    """(across, down) of 2 to `most` tiles, many tiles first."""
    found = [(w, h) for w in range(1, most + 1) for h in range(1, most + 1) if 2 <= w * h <= most]
    return tuple(sorted(found, key=lambda m: (-m[0] * m[1], m)))


DEEPSEEK_PROMPTS = {
    "plain": "\nFree OCR.",
    "markdown": "\n<|grounding|>Convert the document to markdown.",
    "grounded": "\n<|grounding|>OCR this image.",
    "figure": "\nParse the figure.",
    "describe": "\nDescribe this image in detail.",
    "locate": "\nLocate <|ref|>{}<|/ref|> in the image.",
}
WINDOWED = (Guard(30, 90), Guard(20, 256), Guard(8, 512))
"""The first as in the vLLM recipe; the next two are ours, for pages on which the first was not
enough.
"""

V1 = Family(
    id="deepseek-ocr",
    architecture="DeepseekOCRForCausalLM",
    rungs=(
        *(gundam(*mosaic) for mosaic in _mosaics(9)),
        *(Rung("large", 1280), Rung("base", 1024), Rung("small", 640), Rung("tiny", 512)),
    ),
    ladder=("base", "small", "tiny"),
    prompts=DEEPSEEK_PROMPTS,
    verbatim="tiny",
    density=85.0,
    guards=WINDOWED,
    off=tuple(gundam_master(*mosaic) for mosaic in _mosaics(9)),
    fidelity=FIDELITY,
)

UNLIMITED = Family(
    id="unlimited-ocr",
    architecture="UnlimitedOCRForCausalLM",
    rungs=(*(gundam(*mosaic) for mosaic in _mosaics(32)), Rung("base", 1024)),
    ladder=("gundam-2x2", "base"),
    prompts={"plain": "document parsing.", "pages": "Multi page parsing."},
    verbatim="base",
    density=130.0,
    guards=(Guard(35, 128, ()), Guard(20, 256, ()), Guard(8, 512, ())),
    most_tokens=32768,
    sliding_window=128,
    marks=True,
)

V2 = Family(
    id="deepseek-ocr-2",
    architecture="DeepseekOCR2ForCausalLM",
    rungs=(
        *(v2_tiles(*mosaic) for mosaic in _mosaics(6)),
        Rung("1024", 1024, Views(1024, newlines=False)),
        Rung("768", 768, Views(768, newlines=False)),
    ),
    ladder=("1024", "768"),
    prompts={name: DEEPSEEK_PROMPTS[name] for name in ("plain", "markdown")},
    verbatim="768",
    density=110.0,
    guards=(Guard(20, 90), Guard(20, 256), Guard(8, 512)),
)
"""Its density is ours to the safe side: nobody has published one. Base at 95 px² per character read
.79 of v1's long stories, at 119 .985, so larger pages need more than Tiny's 85.
"""

FAMILIES = {family.architecture: family for family in (V1, UNLIMITED, V2)}
