"""A line of text as atoms, the smallest parts that are drawn together, each with the cells that it
takes.

Knows which characters can be drawn and how wide they are; nothing of rows or pages. Every character
has ink in the cells of its atom or is an escape like `\\u{1F600}`; only spaces are paper.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
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
from optical_memory.turns import short_repr

__all__ = [
    "ANY_WIDTH",
    "RTL",
    "CellKind",
    "Line",
    "base_level",
    "bidi_levels",
    "escape",
    "kind",
    "overlay",
    "split_line",
]

CellKind = Literal["plain", "wide", "mark", "shaped", "escape"]

RTL = regex.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
"""A letter of a script that is written from right to left."""

UNSEEN = regex.compile(
    r"[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]"
)
"""A character that has no look of its own: controls, surrogates, unassigned code points."""

JOINERS = "\u200c\u200d"
"""Between letters of a shaped script they change the forms of the letters: that is their ink."""

MARKS_PER_BASE = 2
"""Marks over one letter; a third mark could not be told from the others."""

MARKS_PER_LETTER = 4
"""Marks over one letter of a shaped script; more would be drawn over each other."""

ANY_WIDTH = 1 << 30

GRAPHEMES_PER_CHUNK = 8
"""Longest part of a run without spaces (Thai), so that lines can be broken."""


@short_repr
@dataclass(frozen=True, slots=True)
class Line:
    """Atoms of a text: atom i is `text[starts[i]:starts[i + 1]]`, and is drawn from cell
    `positions[i]` to cell `positions[i + 1]`.

    `levels` are bidirectional levels, one for each character; empty if all is left to right. If
    `positions` count units finer than cells, `cell_positions` has the cells: the rules for breaking
    lines go by cells.
    """

    text: str
    starts: tuple[int, ...] | range
    positions: tuple[int, ...] | range
    levels: tuple[int, ...] = ()
    cell_positions: tuple[int, ...] | range | None = None

    def __len__(self) -> int:
        return len(self.starts) - 1

    def atom(self, i: int) -> str:
        """The text of atom `i`."""
        return self.text[self.starts[i] : self.starts[i + 1]]

    def cells(self, i: int) -> int:
        """Cells that atom `i` takes."""
        positions = self.positions if self.cell_positions is None else self.cell_positions
        return positions[i + 1] - positions[i]


def escape(char: str) -> str:
    r"""The signs that stand for a character that cannot be drawn: `\u{` its code point in hex `}`.

    >>> print(escape("😀"))
    \u{1F600}
    """
    return f"\\u{{{ord(char):X}}}"


@cache
def kind(char: str) -> CellKind:
    """How a character is drawn; the same on every page."""
    if char in " \t":
        return "plain"
    if ord(char) > 0xFFFF or UNSEEN.match(char):  # Unifont covers the Basic Multilingual Plane
        return "escape"
    if script_of(char):
        return "shaped"
    cells = native_cells(char)
    # Only spaces ("Zs") may be without ink: any other blank glyph could not be read.
    if not cells or (unicodedata.category(char) != "Zs" and not _has_ink(char)):
        return "escape"
    if unicodedata.category(char) in ("Mn", "Me"):
        return "mark"
    return "plain" if cells == 1 else "wide"


@cache
def _has_ink(char: str) -> bool:
    ink = native_ink(char)
    return ink is not None and bool(ink.any())


# ---- atoms ---------------------------------------------------------------------------------------


def split_line(text: str, widest: int = ANY_WIDTH) -> Line:
    """Cut a line without line breaks into atoms.

    Runs of a shaped script are cut into parts of at most `widest` cells.
    """
    if all(kind(char) == "plain" for char in set(text)):
        positions = range(len(text) + 1)  # a cell each: most lines, and by far the fastest
        return Line(text, positions, positions, bidi_levels(text))
    starts = [0]
    widths = []
    while starts[-1] < len(text):
        for end, cells in _next_atoms(text, starts[-1], widest):
            starts.append(end)
            widths.append(cells)
    return Line(text, tuple(starts), tuple(accumulate(widths, initial=0)), bidi_levels(text))


def _next_atoms(text: str, start: int, widest: int) -> list[tuple[int, int]]:
    """(end, cells) of the atom at `start`, or of the parts of a shaped run."""
    char = text[start]
    char_kind = kind(char)
    if char_kind == "escape":
        return [(start + 1, len(escape(char)))]
    script = script_of(char) if char_kind == "shaped" else None
    if script:
        return list(_shaped_atoms(text, start, script, widest))
    end = start + 1
    if char_kind != "mark" and char not in " \t":
        while _joins(text, start, end):
            end += 1
    return [(end, native_cells(char))]


def _joins(text: str, start: int, end: int) -> bool:
    """The mark at `end` can be drawn over the atom that begins at `start`, and is seen there."""
    if end >= len(text) or end - start > MARKS_PER_BASE or kind(text[end]) != "mark":
        return False
    return bool((overlay(text[start : end + 1]) != overlay(text[start:end])).any())


def _shaped_atoms(text: str, start: int, script: Script, widest: int) -> Iterator[tuple[int, int]]:
    end = start + 1
    while end < len(text) and _continues_run(text, start, end, script):
        end += 1
    limit = GRAPHEMES_PER_CHUNK if not script.spaced else 4 * GRAPHEMES_PER_CHUNK
    chunk_ends = _grapheme_ends(text, start, end)[limit - 1 : -1 : limit]
    for chunk_end in [*chunk_ends, end]:
        while start < chunk_end:
            part_end = _part_end(text, start, chunk_end, script, widest)
            yield part_end, run_cells(text[start:part_end], script)
            start = part_end


def _continues_run(text: str, start: int, position: int, script: Script) -> bool:
    """The shaped run from `start` continues with the character at `position`."""
    char = text[position]
    if char in JOINERS:
        letters_before = text[max(start, position - 2) : position]
        next_char = text[position + 1 : position + 2]
        if script_of(next_char) is not script:
            return False
        return joiner_shows(letters_before, char, next_char, script)
    if script_of(char) is not script:
        return False
    recent = text[max(start, position - MARKS_PER_LETTER) : position + 1]
    if len(recent) <= MARKS_PER_LETTER:
        return True
    return any(unicodedata.category(recent_char)[0] != "M" for recent_char in recent)


def _part_end(text: str, start: int, end: int, script: Script, widest: int) -> int:
    """The end of a part of a shaped run that takes `widest` cells at most.

    The run is halved until the part fits, between graphemes if there are several.
    """
    while end - start > 1 and run_cells(text[start:end], script) > widest:
        inner_ends = _grapheme_ends(text, start, end)[:-1]
        end = inner_ends[(len(inner_ends) - 1) // 2] if inner_ends else (start + end) // 2
    return end


def _grapheme_ends(text: str, start: int, end: int) -> list[int]:
    return [start + grapheme.end() for grapheme in regex.finditer(r"\X", text[start:end])]


@lru_cache(maxsize=4096)
def overlay(text: str) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """A base with its marks in one Unifont glyph (16, 8 or 16), each mark drawn over the base."""
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
    """Embedding levels of a paragraph's characters (UAX #9); empty if nothing is right-to-left."""
    if not RTL.search(text):
        return ()
    # The steps of bidi's `get_display` that give levels; the others put characters in order.
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
    """The text as it is drawn: escapes are neutral, joiners go with the letter before them, and no
    character is removed.
    """
    chars: list[str] = []
    for char in text:
        if char in JOINERS and chars:
            chars.append(chars[-1])
        elif kind(char) == "escape" or unicodedata.bidirectional(char) in ("B", "S", ""):
            chars.append("\ufffc")  # a neutral character (UAX #9: "ON")
        else:
            chars.append(char)
    return "".join(chars)
