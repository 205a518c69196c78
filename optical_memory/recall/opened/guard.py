"""The guard: recalled words of tools that may have instructions are marked, or left out.

It is off by default. It knows the words of a passage or a page and who said them; nothing of
windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from optical_memory.pages import Layout
from optical_memory.quoting.injection.model import has_instructions
from optical_memory.recall.page_ranges import blanked
from optical_memory.recall.recollection import PassageTurn, Recollection
from optical_memory.session.corrections.versions import host_id_of
from optical_memory.session.records import turn_key
from optical_memory.session.snapshot import Snapshot
from optical_memory.spans import Span

__all__ = [
    "Guard",
    "GuardPolicy",
]

GuardPolicy = Literal["mark", "leave_out"]

GUARDED_ROLES = frozenset({"tool"})
"""Who is looked at: what tools and web pages say. A user may instruct, and the assistant is the
model itself.
"""

Range = tuple[int, int]  # start, end

_has_instructions = lru_cache(maxsize=4_096)(has_instructions)


@dataclass(slots=True)
class Guard:
    """What becomes of suspicious words; with no `policy` nothing is looked at.

    `suspects` are the ids of the turns in which any were found since the memory was opened. A
    detector of your own takes a text, and says if it is suspicious.
    """

    policy: GuardPolicy | None = None
    detect: Callable[[str], bool] = _has_instructions
    suspects: set[str] = field(default_factory=set)

    def checked(self, passages: Sequence[Recollection]) -> tuple[list[Recollection], set[str]]:
        """The passages with their suspicious turns marked or without them, and the ids of these."""
        if self.policy is None:
            return list(passages), set()
        checked: list[Recollection] = []
        found: set[str] = set()
        for passage in passages:
            suspects = [part for part in passage.parts if self._is_suspect(passage, part)]
            found.update(part.id for part in suspects)
            new = _marked(passage, suspects) if self.policy == "mark" else _rest(passage, suspects)
            if new is not None:
                checked.append(new)
        self.suspects |= found
        return checked, found

    def checked_page(self, page: Recollection, layout: Layout, snapshot: Snapshot) -> Recollection:
        """A whole page whose `suspects` are told, and with "leave_out" are blank and forgotten."""
        if self.policy is None:
            return page
        found: list[Range] = []
        for span in layout.spans:
            turn = snapshot.turns.get(turn_key(span.ordinal))
            if turn is None or turn.role not in GUARDED_ROLES:
                continue
            if self.detect(page.text[span.body : span.end]):
                found.append((span.body, span.end))
                self.suspects.add(host_id_of(snapshot, turn))
        if not found:
            return page
        if self.policy == "leave_out":
            page = _without(page, found)
        return replace(page, suspects=tuple(found))

    def _is_suspect(self, passage: Recollection, part: PassageTurn) -> bool:
        return part.role in GUARDED_ROLES and self.detect(passage.text[part.start : part.end])


def _marked(passage: Recollection, suspects: Sequence[PassageTurn]) -> Recollection:
    parts = [replace(p, is_suspect=True) if p in suspects else p for p in passage.parts]
    return replace(passage, parts=tuple(parts)) if suspects else passage


def _rest(passage: Recollection, suspects: Sequence[PassageTurn]) -> Recollection | None:
    """The passage without these turns; None if nothing is left of it."""
    if not suspects:
        return passage
    text = ""
    spans: list[Span] = []
    parts: list[PassageTurn] = []
    for part in passage.parts:
        if part in suspects:
            continue
        if text:
            spans.append(Span(len(text), len(text) + 1, "original", 1.0))
            text += "\n"
        start = len(text)
        text += passage.text[part.start : part.end]
        spans += _cut(passage.spans, part.start, part.end, start - part.start)
        parts.append(replace(part, start=start, end=len(text)))
    if not parts:
        return None
    turns = tuple(dict.fromkeys(part.id for part in parts if part.id))
    n_tokens = passage.n_tokens * len(text) // max(1, len(passage.text))
    return replace(
        passage,
        text=text,
        spans=tuple(spans),
        parts=tuple(parts),
        turns=turns,
        n_tokens=n_tokens,
        page=parts[0].page or (f"turn {parts[0].id}"),
    )


def _without(page: Recollection, ranges: Sequence[Range]) -> Recollection:
    """The page with blanks in these ranges, which are told as forgotten."""
    spans = [Span(start, end, "forgotten", 0.0) for start, end in ranges]
    ends = [0, *(place for range in ranges for place in range), len(page.text)]
    for start, end in zip(ends[::2], ends[1::2], strict=True):
        spans += _cut(page.spans, start, end, 0)
    text = blanked(page.text, ranges)
    return replace(page, text=text, spans=tuple(sorted(spans, key=lambda span: span.start)))


def _cut(spans: Iterable[Span], start: int, end: int, shift: int) -> list[Span]:
    """The spans in a range of the text, moved by `shift`."""
    return [
        replace(span, start=max(span.start, start) + shift, end=min(span.end, end) + shift)
        for span in spans
        if span.start < end and span.end > start
    ]
