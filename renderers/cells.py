"""A line of text as atoms, the smallest parts that are drawn together, each with the cells that it
takes.

Knows which characters can be drawn and how wide they are; nothing of rows or pages. Every character
has ink in the cells of its atom or is an escape like `\\u{1F600}`; only spaces are paper.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate
from typing import Literal

import numpy as np
import regex  # type: ignore[import-untyped]
from bidi.algorithm import (
    explicit_embed_and_overrides,
    get_embedding_levels,
    get_empty_storage,
    resolve_implicit_levels,
    resolve_neutral_types,
    resolve_weak_types,
)

from optical_memory.renderers.glyphs import native_cells, native_ink
from optical_memory.renderers.shaping import Script, joiner_shows, run_cells, script_of

__all__ = [
    "ANY_WIDTH",
    "RTL",
    "Kind",
    "Line",
    "base_level",
    "bidi_levels",
    "escape",
    "kind",
    "overlay",
    "split_line",
]

Kind = Literal["plain", "wide", "mark", "shaped", "escape"]

RTL = regex.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
UNSEEN = regex.compile(
    r"[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]"
)
JOINERS = "\u200c\u200d"  # between letters of a shaped script they change the letters' forms, which is their ink
MARKS_PER_BASE = 2  # a third mark could not be told from the others
MARKS_PER_LETTER = 4  # of a shaped script; more would be drawn over each other
ANY_WIDTH = 1 << 30
GRAPHEMES_PER_CHUNK = 8  # of scripts without spaces, so that lines can be broken


@dataclass(frozen=True, slots=True)
class Line:
    """Atoms of a text: atom i is `text[starts[i]:starts[i + 1]]`, drawn from cell `at[i]` to cell
    `at[i + 1]`.

    `levels` are bidirectional levels, one for each character; empty where all is left to right.
    Where `at` counts something finer than cells, `cells_at` has the cells, which the rules for
    breaking lines go by.
    """

    text: str
    starts: tuple[int, ...] | range
    at: tuple[int, ...] | range
    levels: tuple[int, ...] = ()
    cells_at: tuple[int, ...] | range | None = None

    def __len__(self) -> int:
        return len(self.starts) - 1

    def atom(self, i: int) -> str:
        return self.text[self.starts[i] : self.starts[i + 1]]

    def cells(self, i: int) -> int:
        at = self.at if self.cells_at is None else self.cells_at
        return at[i + 1] - at[i]


def escape(char: str) -> str:
    r"""What stands for a character that cannot be drawn: `\u{` its code point in hex `}`."""
    return f"\\u{{{ord(char):X}}}"


@cache
def kind(char: str) -> Kind:
    """How a character is drawn; the same on every page."""
    if char in " \t":
        return "plain"
    if ord(char) > 0xFFFF or UNSEEN.match(char):
        return "escape"
    if script_of(char):
        return "shaped"
    cells = native_cells(char)
    if not cells or (unicodedata.category(char) != "Zs" and not _has_ink(char)):
        return "escape"
    if unicodedata.category(char) in ("Mn", "Me"):
        return "mark"
    return "plain" if cells == 1 else "wide"


def split_line(text: str, widest: int = ANY_WIDTH) -> Line:
    """Cut one line (no line break in it) into atoms; runs of a shaped script into parts of at most
    `widest` cells.
    """
    if all(kind(char) == "plain" for char in set(text)):
        every = range(len(text) + 1)
        return Line(text, every, every, bidi_levels(text))
    starts, cells = [0], []
    while starts[-1] < len(text):
        for end, width in _next_atoms(text, starts[-1], widest):
            starts.append(end)
            cells.append(width)
    return Line(text, tuple(starts), tuple(accumulate(cells, initial=0)), bidi_levels(text))


def _next_atoms(text: str, start: int, widest: int) -> list[tuple[int, int]]:
    """(end, cells) of the atom at `start`, or of the chunks of a shaped run."""
    char = text[start]
    how = kind(char)
    if how == "escape":
        return [(start + 1, len(escape(char)))]
    if how == "shaped" and (script := script_of(char)):
        return _shaped_atoms(text, start, script, widest)
    end = start + 1
    while how != "mark" and char != " " and char != "\t" and _joins(text, start, end):
        end += 1
    return [(end, native_cells(char))]


def _joins(text: str, start: int, end: int) -> bool:
    """The mark at `end` can be drawn over the atom that begins at `start`, and is seen there."""
    if end >= len(text) or end - start > MARKS_PER_BASE or kind(text[end]) != "mark":
        return False
    return bool((overlay(text[start : end + 1]) != overlay(text[start:end])).any())


def _shaped_atoms(text: str, start: int, script: Script, widest: int) -> list[tuple[int, int]]:
    end = start + 1
    while end < len(text) and _goes_on(text, start, end, script):
        end += 1
    limit = GRAPHEMES_PER_CHUNK if not script.spaced else 4 * GRAPHEMES_PER_CHUNK
    graphemes = [start + m.end() for m in regex.finditer(r"\X", text[start:end])]
    atoms = []
    for stop in [*graphemes[limit - 1 : -1 : limit], end]:
        while start < stop:
            part = _narrowed(text, start, stop, script, widest)
            atoms.append((part, run_cells(text[start:part], script)))
            start = part
    return atoms


def _narrowed(text: str, start: int, stop: int, script: Script, widest: int) -> int:
    """Where a part of a shaped run ends that takes `widest` cells at most: halved until it does,
    between graphemes where there are several.
    """
    while stop - start > 1 and run_cells(text[start:stop], script) > widest:
        between = [start + m.end() for m in regex.finditer(r"\X", text[start:stop])][:-1]
        stop = between[(len(between) - 1) // 2] if between else (start + stop) // 2
    return stop


def _goes_on(text: str, start: int, at: int, script: Script) -> bool:
    """The shaped run from `start` goes on with the character at `at`."""
    if text[at] in JOINERS:
        after = text[at + 1 : at + 2]
        return script_of(after) is script and joiner_shows(
            text[max(start, at - 2) : at], text[at], after, script
        )
    if script_of(text[at]) is not script:
        return False
    recent = text[max(start, at - MARKS_PER_LETTER) : at + 1]
    return len(recent) <= MARKS_PER_LETTER or any(
        unicodedata.category(char)[0] != "M" for char in recent
    )


@cache
def _has_ink(char: str) -> bool:
    ink = native_ink(char)
    return ink is not None and bool(ink.any())


@lru_cache(maxsize=4096)
def overlay(text: str) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """A base with its marks in one Unifont glyph (16, 8 or 16): each mark is drawn over the base."""
    base = native_ink(text[0])
    assert base is not None  # only characters with a glyph are plain or wide
    ink = base.copy()
    for char in text[1:]:
        mark = native_ink(char)
        assert mark is not None
        width = min(mark.shape[1], ink.shape[1])
        shift = (mark.shape[1] - width) // 2
        ink[:, :width] |= mark[:, shift : shift + width]
    return ink


# ---- reading order -------------------------------------------------------------------------------


def base_level(text: str) -> int:
    """1 for a paragraph whose first strong letter is right-to-left, else 0 (UAX #9, P2 and P3)."""
    for char in text:
        direction = unicodedata.bidirectional(char)
        if direction in ("L", "R", "AL"):
            return int(direction != "L")
    return 0


def bidi_levels(text: str, base: int | None = None) -> tuple[int, ...]:
    """Embedding levels of a paragraph's characters (UAX #9); empty where nothing is right-to-left."""
    if not RTL.search(text):
        return ()
    storage = get_empty_storage()
    storage["base_level"] = base_level(text) if base is None else base
    storage["base_dir"] = "LR"[storage["base_level"]]
    get_embedding_levels(_without_controls(text), storage, False, False)
    for step in (
        explicit_embed_and_overrides,
        resolve_weak_types,
        resolve_neutral_types,
        resolve_implicit_levels,
    ):
        step(storage, False)
    return tuple(char["level"] for char in storage["chars"])


def _without_controls(text: str) -> str:
    """The text as it is drawn: escapes are neutral, joiners go with the letter before, and no
    character is removed.
    """
    seen: list[str] = []
    for char in text:
        if char in JOINERS and seen:
            seen.append(seen[-1])
        elif kind(char) == "escape" or unicodedata.bidirectional(char) in ("B", "S", ""):
            seen.append("\ufffc")
        else:
            seen.append(char)
    return "".join(seen)
