"""What a published decoder is asked, and what comes back besides text: grounding marks as boxes,
pages as parts.

Marks: `<|ref|>label<|/ref|><|det|>[[x1, y1, x2, y2], …]<|/det|>`, coordinates from 0 to 999 over
the picture. In a page read with grounding, the text of a box follows its mark. Imports no torch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from optical_memory.errors import ReadingFailed
from optical_memory.readers.language.decoder import Transcript

__all__ = ["PAGE", "Box", "Locate", "located", "split_pages", "without_marks"]

PAGE = "<PAGE>"
"""What Unlimited-OCR writes before each page of several in one prompt."""

SPAN = 999  # the largest coordinate, as in DeepSeek's own code
MARK = re.compile(
    r"<\|ref\|>(?P<label>.*?)<\|/ref\|>\s*<\|det\|>\s*(?P<boxes>\[.*?\])\s*<\|/det\|>[ \t]*\n?",
    re.DOTALL,
)
FOUR = re.compile(r"\[\s*(\d{1,4})\s*,\s*(\d{1,4})\s*,\s*(\d{1,4})\s*,\s*(\d{1,4})\s*\]")
STRAY = re.compile(r"<\|/?(?:ref|det|grounding)\|>|</?t[dr]>")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the picture in px, right and bottom excluded."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Locate:
    """One mark: its label (a kind of block, or the words that were asked for), its boxes, and the
    text that follows.
    """

    label: str
    boxes: tuple[Box, ...]
    text: str


def located(text: str, size_px: tuple[int, int]) -> list[Locate]:
    """The marks of a decoded text in order; `size_px` is (width, height) of the picture.

    A box with its corners exchanged is set right; one that is empty, or beyond 999, is left out.
    """
    marks = list(MARK.finditer(text))
    if not marks:
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [
        Locate(
            mark["label"].strip(),
            tuple(_boxes(mark["boxes"], size_px)),
            text[mark.end() : end].strip(),
        )
        for mark, end in zip(marks, ends, strict=True)
    ]


def _boxes(text: str, size_px: tuple[int, int]) -> Sequence[Box]:
    found = [tuple(map(int, four.groups())) for four in FOUR.finditer(text)]
    real = [f for f in found if max(f) <= SPAN and f[0] != f[2] and f[1] != f[3]]
    return [_box(x1, y1, x2, y2, size_px) for x1, y1, x2, y2 in real]


def _box(x1: int, y1: int, x2: int, y2: int, size_px: tuple[int, int]) -> Box:
    width, height = size_px
    (left, right), (top, bottom) = sorted((x1, x2)), sorted((y1, y2))
    return Box(
        left * width // SPAN, top * height // SPAN, right * width // SPAN, bottom * height // SPAN
    )


def without_marks(transcript: Transcript) -> Transcript:
    """The same without grounding marks and table tags, for readings that come with them."""
    gone = [
        match.span() for pattern in (MARK, STRAY) for match in pattern.finditer(transcript.text)
    ]
    if not gone:
        return transcript
    keep = [i for i in range(len(transcript.text)) if not any(a <= i < b for a, b in gone)]
    return Transcript(
        "".join(transcript.text[i] for i in keep), transcript.confidence[keep], transcript.ended
    )


def split_pages(transcript: Transcript, pages: int) -> list[Transcript]:
    """One transcript a page, cut at `<PAGE>`. Raises `ReadingFailed` for another number of pages."""
    starts = [match.end() for match in re.finditer(re.escape(PAGE), transcript.text)]
    if len(starts) == pages - 1 and transcript.text.split(PAGE)[0].strip():
        starts = [0, *starts]  # some leave the first mark out
    if len(starts) != pages:
        raise ReadingFailed(f"{pages} pages were asked for in one prompt, {len(starts)} came back")
    ends = [start - len(PAGE) for start in starts[1:]] + [len(transcript.text)]
    parts = [
        (transcript.text[a:b], transcript.confidence[a:b])
        for a, b in zip(starts, ends, strict=True)
    ]
    return [
        Transcript(text, p, transcript.ended or i < pages - 1) for i, (text, p) in enumerate(parts)
    ]
