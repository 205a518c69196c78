"""GOT-OCR2.0's family, as data: one rung of 1024 px, its prompts and guards."""

from __future__ import annotations

from optical_memory.profiles import Rung, Views
from optical_memory.readers.language.decoder import Guard
from optical_memory.readers.language.family import Family

__all__ = [
    "BASE",
    "GOT",
]

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
    context_length=8000,
)
"""The prompts are those of transformers' processor, with the space before them that its template
leaves. Its own code bans every run of 20 tokens on a page from coming twice; ours looks back over a
window. The density is ours: the fullest English pages of the Fox benchmark (1300 DeepSeek tokens,
its paper's worst case for GOT at 1024 px) have about 190.
"""
