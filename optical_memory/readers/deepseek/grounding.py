"""Grounding marks in the text of a decoder: labels and boxes on the picture.

Marks: `<|ref|>label<|/ref|><|det|>[[x1, y1, x2, y2], …]<|/det|>`, coordinates from 0 to 999 over
the picture. In a page read with grounding, the text of a box follows its mark. Imports no torch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from optical_memory.readers.language.decoder import Transcript

__all__ = [
    "Block",
    "Box",
    "parse_marks",
    "without_marks",
]

SPAN = 999  # the largest coordinate, as in DeepSeek's own code
MARK = re.compile(
    r"<\|ref\|>(?P<label>.*?)<\|/ref\|>\s*<\|det\|>\s*(?P<boxes>\[.*?\])\s*<\|/det\|>[ \t]*\n?",
    re.DOTALL,
)
FOUR = re.compile(r"\[\s*(\d{1,4})\s*,\s*(\d{1,4})\s*,\s*(\d{1,4})\s*,\s*(\d{1,4})\s*\]")
STRAY = re.compile(r"<\|/?(?:ref|det|grounding)\|>|</?t[dr]>")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the picture in px; right and bottom are not part of it."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a page: its label (a kind of block, or the words of a question), boxes and text."""

    label: str
    boxes: tuple[Box, ...]
    text: str


def parse_marks(text: str, size_px: tuple[int, int]) -> list[Block]:
    """The marks of a decoded text in order; `size_px` is (width, height) of the picture.

    A box with its corners exchanged is set right. A box that is empty, or beyond 999, is left out.
    """
    marks = list(MARK.finditer(text))
    if not marks:
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    blocks: list[Block] = []
    for mark, end in zip(marks, ends, strict=True):
        label = mark["label"].strip()
        boxes = tuple(_parse_boxes(mark["boxes"], size_px))
        blocks.append(Block(label, boxes, text[mark.end() : end].strip()))
    return blocks


def _parse_boxes(text: str, size_px: tuple[int, int]) -> list[Box]:
    width, height = size_px
    boxes: list[Box] = []
    for match in FOUR.finditer(text):
        x1, y1, x2, y2 = (int(number) for number in match.groups())
        x_min, x_max = sorted((x1, x2))
        y_min, y_max = sorted((y1, y2))
        if x_min < x_max <= SPAN and y_min < y_max <= SPAN:
            boxes.append(
                Box(
                    x_min * width // SPAN,
                    y_min * height // SPAN,
                    x_max * width // SPAN,
                    y_max * height // SPAN,
                )
            )
    return boxes


def without_marks(transcript: Transcript) -> Transcript:
    """The transcript without grounding marks and table tags, for readings that come with them."""
    is_text = np.ones(len(transcript.text), bool)
    for pattern in (MARK, STRAY):
        for match in pattern.finditer(transcript.text):
            is_text[match.start() : match.end()] = False
    places = np.flatnonzero(is_text)
    text = "".join(transcript.text[i] for i in places)
    return Transcript(text, transcript.confidence[places], transcript.ended)
