"""Memories whose pages were condensed: talk with facts in it, and a capacity of a quarter."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from optical_memory import ForgettingPolicy, OpticalMemory, Turn
from optical_memory.session.condensing.omissions import OMISSION
from optical_memory.session.stored_page import PageInfo
from optical_memory.testing import SMALL_LADDER, TemplateReader
from support.memories import Open

CONDENSING = ForgettingPolicy()
TINY = SMALL_LADDER[-1].n_tokens
START = datetime(2026, 3, 1)
N_TURNS = 120


def talk(n: int, first: int = 0) -> list[Turn]:
    """Turns of three sentences; each ninth has a fact that no other has."""
    turns: list[Turn] = []
    for i in range(first, first + n):
        fact = f"The parcel {i} waits in locker QX{1000 + i * 37}." if i % 9 == 0 else "So be it."
        text = f"We talk of this and that again. The weather is as it was. {fact}"
        turns.append(
            Turn(
                "user" if i % 2 else "assistant",
                text,
                name="Mel" if i % 3 == 0 else None,
                when=START + timedelta(hours=i),
                id=f"m{i}",
            )
        )
    return turns


def exact_reader(**settings: object) -> TemplateReader:
    return TemplateReader(reads_cells=True, **settings)  # type: ignore[arg-type]


def sentences(text: str) -> list[str]:
    """The sentences of a text, without marks of omission."""
    text = text.replace(OMISSION, "").replace("\n", " ")
    return [sentence.strip() for sentence in re.findall(r"[^.]+\.", text)]


def quarter(memory: OpticalMemory) -> int:
    """A quarter of the tokens that all pages need at the last rung."""
    return len(memory.pages()) * TINY // 4


def condensed(memory: OpticalMemory) -> list[PageInfo]:
    """The pages that have the best sentences of several."""
    return [page for page in memory.pages() if page.n_pages > 1]


def filled(opened: Open, n: int = N_TURNS, **settings: object) -> OpticalMemory:
    memory = opened(**settings)
    memory.remember(talk(n))
    memory.flush()
    return memory


def turn_bodies(memory: OpticalMemory) -> dict[str, str]:
    """What is left of each turn on pages, by the host's id."""
    texts: dict[str, str] = {}
    for page in memory.pages():
        layout = memory.inspect(page.id).layout
        for span in layout.spans if layout is not None else ():
            text = memory.read(page.id).text[span.body : span.end]
            texts[span.turn] = texts.get(span.turn, "") + text
    return texts
