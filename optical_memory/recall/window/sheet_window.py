"""A window of a model that looks at pictures: passages on sheets, if it reads them and they pay."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from optical_memory.hosts.profile import HostProfile
from optical_memory.recall.recollection import Recollection
from optical_memory.recall.window.assemble import Shown, Window
from optical_memory.recall.window.frame import FrameLine, numbered_lines, sheets_of
from optical_memory.recall.window.messages import window_texts
from optical_memory.recall.window.parts import PagePicture, PassagePart, in_talk_order
from optical_memory.sheets.beside import exact_words
from optical_memory.sheets.pieces import Piece, Type, run_on
from optical_memory.sheets.sheet import Sheet, lay_sheets

__all__ = [
    "PAYS",
    "SheetWindow",
]

PAYS = 1.5
"""Text costs so many times as much as its sheets: below that a picture is not worth the risk."""

AGE_STEP = 64
"""Turns by which ages grow: between, a passage has the same type and sheets the same bytes."""

_OTHER_SCRIPT = re.compile("[^\\u0000-\\u024f\\u2000-\\u206f\\u20a0-\\u22ff]")
"""Characters that no receipt speaks of: receipts are of English text."""

MAX_OTHER_SCRIPT = 0.02
"""A passage with a larger share of such characters stays text."""


@dataclass(frozen=True, slots=True)
class SheetWindow:
    """A window whose costs are this host's: its own count of text, its price of pictures.

    `newest` is the place of the newest turn in the session. Sheets are handed over if their text
    costs `min_ratio` times as much or more.
    """

    window: Window
    host: HostProfile
    newest: int
    min_ratio: float = PAYS
    _drawn: dict[tuple[PassagePart, ...], list[PassagePart]] = field(default_factory=dict)

    def shown(self, passages: Sequence[Recollection]) -> Shown:
        """All passages but those whose turns are among the recent turns."""
        return self._shown(self.window.best_first(passages))

    def best(self, passages: Sequence[Recollection], budget: int) -> Shown:
        """As many of the best passages as fit the budget."""
        parts = self.window.best_first(passages)
        shown = self._shown(parts)
        n_fit = 0
        n_too_many = len(parts) + 1
        while n_too_many - n_fit > 1:
            n = len(parts) if n_too_many > len(parts) else (n_fit + n_too_many) // 2
            shown = self._shown(parts[:n])
            if shown[1] <= budget:
                n_fit = n
            else:
                n_too_many = n
        return self._shown(parts[:n_fit])

    def _shown(self, parts: Sequence[PassagePart]) -> Shown:
        """The parts in order, on sheets if that is cheaper by far."""
        in_order = in_talk_order(parts)
        best = (in_order, self._cost(in_order))
        text_cost = best[1]
        if not self.host.open_densities:
            return best
        drawable = [part for part in in_order if _is_drawable(part)]
        for n_parts in self._cuts(drawable):
            on_sheets = self._on_sheets(drawable[:n_parts])
            ids = {id(part) for part in drawable[:n_parts]}
            in_text = [part for part in in_order if id(part) not in ids]
            cost = self._cost([*on_sheets, *in_text])
            rest_cost = self._cost(in_text)
            pays = text_cost - rest_cost >= self.min_ratio * (cost - rest_cost)
            if pays and cost < best[1]:
                best = (in_talk_order([*on_sheets, *in_text]), cost)
        return best

    def _cost(self, parts: Sequence[PassagePart]) -> int:
        """Tokens of this host for the window with these parts."""
        n_text = self.window.counter.count(window_texts(parts, self.window.recent))
        return self.host.text_tokens(n_text) + sum(sheet.n_tokens for sheet in sheets_of(parts))

    def _cuts(self, drawable: Sequence[PassagePart]) -> Iterator[int]:
        """How many passages to try on sheets: all, and those on the sheets before the last.

        The last sheet may hold so little that its text is cheaper.
        """
        if not drawable:
            return
        on_sheets = self._on_sheets(drawable)
        sheets = sheets_of(on_sheets)
        n_sheets = self._n_allowed(sheets)
        if n_sheets == len(sheets):
            yield len(on_sheets)
            n_sheets -= 1
        ids = {id(sheet) for sheet in sheets[:n_sheets]}
        n_within = sum(all(id(sheet) in ids for sheet in part.sheets) for part in on_sheets)
        if 0 < n_within < len(on_sheets):
            yield n_within

    def _n_allowed(self, sheets: Sequence[Sheet]) -> int:
        """How many of the sheets a request may hold: pictures, and bytes in base64."""
        limits = self.host.limits
        n_bytes = 0
        for n, sheet in enumerate(sheets[: limits.max_images]):
            n_bytes += sheet.width_px * sheet.height_px * 2 // 3  # 4 bits a pixel, in base64
            if n_bytes > limits.max_bytes:
                return n
        return min(len(sheets), limits.max_images)

    def _on_sheets(self, parts: Sequence[PassagePart]) -> list[PassagePart]:
        """The parts with the sheets on which they are drawn, the same objects each time."""
        key = tuple(parts)
        if key not in self._drawn:
            self._drawn[key] = draw_parts(parts, self.host, self.newest)
        return self._drawn[key]


def _is_drawable(part: PassagePart) -> bool:
    n_other = len(_OTHER_SCRIPT.findall(part.text))
    return n_other <= MAX_OTHER_SCRIPT * len(part.text)


def draw_parts(parts: Sequence[PassagePart], host: HostProfile, newest: int) -> list[PassagePart]:
    """The passages, in order, each with the sheets of this host that it is drawn on.

    `newest` is the place of the newest turn. Sheets have the lines of the frame, run on.
    """
    pieces: list[Piece] = []
    sources: list[int] = []
    words: dict[int, str] = {}
    for number, line in numbered_lines(parts):
        if isinstance(line, PagePicture):
            continue
        type = Type(host.density(newest // AGE_STEP * AGE_STEP - parts[number].ordinal))
        line_pieces = _pieces(line, type)
        pieces += line_pieces
        sources += [number] * len(line_pieces)
        words[number] = f"{words.get(number, '')}\n{line.text or ''}"
    sheets = lay_sheets(pieces, host)
    by_part = _sheets_by_part(sheets, sources)
    price = sum(sheet.n_tokens for sheet in sheets)
    n_chars = sum(sheet.n_chars for sheet in sheets)
    return [
        replace(
            part,
            n_tokens=-(-price * len(words[i]) // n_chars),
            sheets=tuple(by_part[i]),
            exact_words=exact_words(words[i], host.beside),
        )
        for i, part in enumerate(parts)
    ]


def _pieces(line: FrameLine, type: Type) -> list[Piece]:
    """The label of a line, and its text."""
    separator = "" if line.text is None else line.separator.rstrip()
    label = Piece(f"{line.label}{separator}", type, is_label=True)
    text = run_on((line.text or "").strip())
    return [label, Piece(text, type)] if text else [label]


def _sheets_by_part(sheets: Sequence[Sheet], sources: Sequence[int]) -> dict[int, list[Sheet]]:
    """The sheets of each part; `sources` has the number of the part of each piece."""
    by_part: dict[int, list[Sheet]] = {}
    for sheet in sheets:
        first = sources[sheet.rows[0].pieces[0]]
        last = sources[sheet.rows[-1].pieces[1]]
        for number in range(first, last + 1):
            by_part.setdefault(number, []).append(sheet)
    return by_part
