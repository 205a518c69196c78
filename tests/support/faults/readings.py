"""What a memory hands over as `original` or `verified`, against what was told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from optical_memory import OpticalMemory
from optical_memory.errors import ReadingFailed
from support.faults.raw_session import RawSession
from support.faults.told import Told, traces_of

__all__ = ["wrong_readings"]

SURE = ("original", "verified")


def wrong_readings(memory: OpticalMemory, raw: RawSession, told: Told) -> list[str]:
    """Sure text that was never said, on any page or in a recall; and forgotten words."""
    problems: list[str] = []
    offsets: dict[int, int] = {}
    hosts = {turn["ordinal"]: turn.get("host_id") or turn["id"] for turn in _turns(raw)}
    for page in raw.values("page").values():
        if page.get("layout") is None:
            continue
        try:
            reading = memory.read(page["id"])
        except ReadingFailed as error:
            problems.append(f"page {page['id']} is not read: {error}")
            continue
        spans = [(s.start, s.end) for s in reading.spans if s.status in SURE]
        is_condensed = page.get("n_pages", 1) > 1
        for _, ordinal, _, body, end, *_ in page["layout"]["spans"]:
            offset = offsets.get(ordinal, 0)
            offsets[ordinal] = offset + end - body
            texts = told.versions.get(hosts.get(ordinal, ""), [])
            is_anywhere = is_condensed or hosts.get(ordinal) in told.fading
            for start, stop in spans:
                piece = reading.text[max(start, body) : min(stop, end)]
                if start >= end or stop <= body or not piece.strip():
                    continue
                place = None if is_anywhere else offset + max(start, body) - body
                if not any(_is_in(piece, text, place) for text in texts):
                    problems.append(f"page {page['id']} has {piece!r} as sure, which was not said")
    return problems + _forgotten_in_recall(memory, told)


def _turns(raw: RawSession) -> list[dict[str, Any]]:
    return list(raw.values("turn").values())


def _is_in(piece: str, text: str, place: int | None) -> bool:
    if place is not None:
        return text[place : place + len(piece)] == piece
    return all(word in text for word in piece.replace("[...]", " ").split())


def _forgotten_in_recall(memory: OpticalMemory, told: Told) -> list[str]:
    problems: list[str] = []
    for texts in told.forgotten.values():
        for text in texts:
            for passage in memory.recall(text[4:200], k=5, superseded=True):
                own = [text for id in passage.turns for text in told.versions.get(id, ())]
                words = {word for word in told.traces if word in passage.text}
                if any(not _is_misread(word, own) for word in words):
                    problems.append("a recall gives forgotten words")
    return problems


def _is_misread(word: str, texts: Iterable[str]) -> bool:
    """True if these texts have a word of which at most two signs differ."""
    own_words = {own for text in texts for own in traces_of(text) if len(own) == len(word)}
    return any(sum(map(str.__ne__, own, word)) <= 2 for own in own_words)
