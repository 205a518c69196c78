"""All that a memory says of a session, and how far that is honest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from optical_memory import Forgotten, OpticalMemory
from optical_memory.errors import OpticalMemoryError
from optical_memory.recall.recollection import Recollection
from support.damage.sessions import Sample

SURE = ("original", "verified")
QUESTIONS = ("locker QX1333", "plums from Tirana", "mangos")

Said = dict[tuple[str, str], object]
"""By kind and name: open turns, pages, answers. A page or an answer is its (status, text) spans."""


@dataclass(frozen=True)
class Look:
    """What a memory said, and the errors that it raised by the place of the call."""

    said: Said
    errors: dict[tuple[str, str], str]


def look(memory: OpticalMemory) -> Look:
    """Everything that the memory says. Raises what no caller of a memory must see."""
    said: Said = {}
    errors: dict[tuple[str, str], str] = {}
    for name, call in _calls(memory):
        try:
            said[name] = call()
        except (OpticalMemoryError, Forgotten) as error:
            errors[name] = f"{type(error).__name__}: {error}"
    return Look(said, errors)


def _calls(memory: OpticalMemory) -> Iterator[tuple[tuple[str, str], object]]:
    yield ("open", ""), lambda: _open_turns(memory)
    try:
        pages = [page.id for page in memory.pages()]
    except OpticalMemoryError:
        yield ("pages", ""), memory.pages
        pages = list(memory._archive.snapshot().pages)
    for page in pages:
        yield ("page", page), lambda page=page: _spans(memory.read(page))
    for question in QUESTIONS:
        yield ("recall", question), lambda question=question: _answers(memory, question)


def _open_turns(memory: OpticalMemory) -> dict[str, str | None]:
    return {turn.id: turn.text for turn in memory._archive.snapshot().open_turns()}


def _answers(memory: OpticalMemory, question: str) -> list[object]:
    return [(answer.turns, _spans(answer)) for answer in memory.recall(question, 4)]


def _spans(reading: Recollection) -> tuple[tuple[str, int, int, str], ...]:
    """(status, start, end, text) of each span."""
    return tuple((s.status, s.start, s.end, reading.text[s.start : s.end]) for s in reading.spans)


def lies(sample: Sample, base: Look, now: Look) -> list[str]:
    """What is told as sure and was never said so."""
    wrong: list[str] = []
    for id, text in dict(now.said.get(("open", ""), {})).items():  # type: ignore[call-overload]
        if text != sample.turns.get(id, text if id.startswith("damaged-") else None):
            wrong.append(f"open turn {id}: {text!r}")
    everything = " ".join(sample.turns.values())
    for (kind, name), answer in now.said.items():
        if kind == "page":
            wrong += _page_lies(sample, base, name, answer)
        elif kind == "recall":
            for turns, spans in answer:  # type: ignore[attr-defined]
                known = " ".join(sample.turns.get(turn, "") for turn in turns) or everything
                wrong += [
                    f"recall {name}: {text!r} of {turns}"
                    for status, _, _, text in spans
                    if status in SURE and not _is_of(text, known)
                ]
    return wrong


def _page_lies(sample: Sample, base: Look, page: str, spans: object) -> list[str]:
    truth = sample.pages.get(page)
    if truth is None:
        before = base.said.get(("page", page), ())
        truth = "".join(text for *_, text in before)  # type: ignore[attr-defined]
    return [
        f"page {page}: {text!r}"
        for status, start, end, text in spans  # type: ignore[attr-defined]
        if status in SURE and truth[start:end] != text and not _is_of(text, truth)
    ]


def _is_of(text: str, truth: str) -> bool:
    """True if every word of the text stands in the truth, in a row but for what was left out."""
    flat = " ".join(truth.split())
    pieces = [" ".join(piece.split()) for piece in re.split(r"\[…\]|\n", text)]
    return all(piece in flat or all(word in flat for word in piece.split()) for piece in pieces)
