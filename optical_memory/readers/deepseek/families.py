"""The three families of DeepSeek-OCR, as data: rungs, prompts and guards of each.

Sources: the models' published config.json and inference code (prompts, guards, tile rules);
densities are recomputed from published outputs on text rendered in Noto Sans. No model code.
"""

from __future__ import annotations

from optical_memory.profiles import Rung, Views
from optical_memory.readers.language.decoder import Guard
from optical_memory.readers.language.family import Family

__all__ = [
    "FAMILIES",
    "FIDELITY",
    "UNLIMITED",
    "V1",
    "V2",
    "gundam",
    "gundam_master",
    "v2_tiles",
]

FIDELITY = (
    (45.0, 0.670),
    (55.0, 0.810),
    (65.0, 0.960),
    (75.0, 0.967),
    (90.0, 0.992),
    (115.0, 0.986),
    (155.0, 0.992),
    (220.0, 0.997),
)
"""(drawn px² per character, mean character accuracy): DeepSeek-OCR, English pages of the Fox
benchmark rendered at 16 px and read at Tiny, Small and Base, 335 readings; the middle of each bin.
One curve for the three sizes; at Large and in tiles it is extrapolated. Numbers fare worse than
prose (.72 of them exact at 75, .94 at 90).
"""


# ---- rungs with tiles ----------------------------------------------------------------------------


def gundam(across: int, down: int) -> Rung:
    """DeepSeek-OCR's Gundam mode: tiles of 640 px, and the whole page at 1024 px.

    2 x 2 tiles cost 693 tokens.
    """
    return Rung(f"gundam-{across}x{down}", down * 640, Views(1024, 640, across, down))


def gundam_master(across: int, down: int) -> Rung:
    """Tiles of 1024 px and the whole page at 1280 (named in the paper, in no published code)."""
    return Rung(f"gundam-master-{across}x{down}", down * 1024, Views(1280, 1024, across, down))


def v2_tiles(across: int, down: int) -> Rung:
    """DeepSeek-OCR-2's tiles of 768 px (144 tokens each), and the whole page at 1024 px (256)."""
    views = Views(1024, 768, across, down, newlines=False)
    return Rung(f"tiles-{across}x{down}", down * 768, views)


def _mosaics(n_most: int) -> tuple[tuple[int, int], ...]:
    """(across, down) of mosaics with 2 to `n_most` tiles, many tiles first."""
    mosaics: list[tuple[int, int]] = []
    for across in range(1, n_most + 1):
        for down in range(1, n_most // across + 1):
            mosaics.append((across, down))
    mosaics.remove((1, 1))
    return tuple(sorted(mosaics, key=lambda mosaic: (-mosaic[0] * mosaic[1], mosaic)))


# ---- families ------------------------------------------------------------------------------------

DEEPSEEK_PROMPTS = {
    "plain": "\nFree OCR.",
    "markdown": "\n<|grounding|>Convert the document to markdown.",
    "grounded": "\n<|grounding|>OCR this image.",
    "figure": "\nParse the figure.",
    "describe": "\nDescribe this image in detail.",
    "locate": "\nLocate <|ref|>{}<|/ref|> in the image.",
}
WINDOWED = (Guard(30, 90), Guard(20, 256), Guard(8, 512))
"""The first is that of the vLLM recipe. The next two are ours, for pages on which the first was not
enough.
"""

V1 = Family(
    id="deepseek-ocr",
    architecture="DeepseekOCRForCausalLM",
    rungs=(
        *(gundam(*mosaic) for mosaic in _mosaics(9)),
        Rung("large", 1280),
        Rung("base", 1024),
        Rung("small", 640),
        Rung("tiny", 512),
    ),
    ladder=("base", "small", "tiny"),
    prompts=DEEPSEEK_PROMPTS,
    verbatim="tiny",
    density=85.0,
    guards=WINDOWED,
    fidelity=FIDELITY,
    extra_rungs=tuple(gundam_master(*mosaic) for mosaic in _mosaics(9)),
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
    context_length=32768,
    sliding_window=128,
    has_marks=True,
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
"""Its density is ours, to the safe side: nobody has published any. Base at 95 px² per character
read .79 of v1's long stories, at 119 .985, so larger pages need more than Tiny's 85.
"""

FAMILIES = {family.architecture: family for family in (V1, UNLIMITED, V2)}
"""By the architecture that a published config.json names."""
