"""The independent checker: raw records against what was told. Imports neither session nor check."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from support.faults.raw_session import RawSession, signs_of_picture, signs_of_tokens
from support.faults.told import Told, traces_of

__all__ = [
    "left_behind",
    "problems_of",
]

Json = dict[str, Any]
COLUMNS = 40
"""Cells in a row of the small grid."""


def problems_of(raw: RawSession, told: Told) -> list[str]:
    """Everything in the records that is not as it was told, a sentence each."""
    if told.is_dropped:
        return ["a session that was forgotten has records"] if raw.exists else []
    if told.versions and not raw.exists:
        return ["the session is gone"]
    return [*_miscounts(raw), *_wrong_turns(raw, told), *_pages_without_pictures(raw)]


def left_behind(raw: RawSession, told: Told, digests: Iterable[str] = ()) -> list[str]:
    """Forgotten words, tokens that show them, and numbers that would confirm a guess of them.

    `digests` are those of the forgotten turns and pages, from before.
    """
    problems: list[str] = []
    words = told.traces
    for word in words:
        if word.encode() in raw.everything:
            problems.append(f"the forgotten word {word!r} is in the store")
    for digest in digests:
        if digest and digest.encode() in raw.everything:
            problems.append(f"the digest {digest[:12]}… of forgotten text is in the store")
    for blob in raw.blobs:
        if any(word in signs_of_tokens(blob) for word in words):
            problems.append("cached tokens show a forgotten text")
    for key, png in raw.records.get("picture", {}).items():
        if any(word in signs_of_picture(png) for word in words):
            problems.append(f"the picture {key} shows a forgotten text")
    return problems + _confirmations(raw, told)


def _confirmations(raw: RawSession, told: Told) -> list[str]:
    """Digests of forgotten texts, made from the salt that lies in the store too."""
    session = raw.values("session").get("session", {})
    if "salt" not in session:
        return []
    salt = bytes.fromhex(session["salt"])
    index = b"".join(raw.records.get("index", {}).values())
    problems: list[str] = []
    for texts in told.forgotten.values():
        for text in texts:
            for guess in _guesses(text):
                digest = hmac.new(salt, guess.encode(), hashlib.sha256).hexdigest()
                if digest.encode() in raw.everything:
                    problems.append("a digest confirms a guess of a forgotten text")
            for word in traces_of(text):
                number = blake2b(word.encode(), digest_size=8, key=salt[:64]).digest()
                if number in index:
                    problems.append("a number of the index confirms a forgotten word")
    return problems


def _guesses(text: str) -> list[str]:
    """What a keyed digest of this text could have been made of."""
    return [text, f'{{"role":"user","text":"{text}"}}', f'{{"role":"assistant","text":"{text}"}}']


# ---- counts --------------------------------------------------------------------------------------


def _miscounts(raw: RawSession) -> list[str]:
    problems: list[str] = []
    session = raw.values("session").get("session", {})
    turns = [int(key) for key in raw.records.get("turn", {})]
    pages = [int(key) for key in raw.records.get("page", {})]
    old_ends = [last for _, last in session.get("old_turns", [])]
    if session.get("next_turn", 0) != max([*turns, *old_ends], default=-1) + 1:
        problems.append(f"the session counts {session.get('next_turn', 0)} turns of {len(turns)}")
    if sorted(pages) != list(range(len(pages))):
        problems.append(f"pages {sorted(pages)} are not numbered without gaps")
    for kind in ("turn", "page"):
        n_parsed = len(raw.values(kind))
        if n_parsed != len(raw.records.get(kind, {})):
            problems.append(f"a record of a {kind} does not parse")
    return problems


# ---- turns ---------------------------------------------------------------------------------------


def _wrong_turns(raw: RawSession, told: Told) -> list[str]:
    texts = _texts_of_turns(raw)
    problems: list[str] = []
    known = {**told.forgotten, **told.versions}
    for host_id, states in texts.items():
        if host_id not in known:
            problems.append(f"turn {host_id} was never told")
        elif host_id in told.forgotten and any(text is not None for text, _ in states):
            problems.append(f"turn {host_id} was forgotten and has text")
    for host_id, versions in told.versions.items():
        if host_id in told.fading:
            continue
        states = texts.get(host_id, [])
        current = [text for text, is_current in states if is_current]
        older = [text for text, is_current in states if not is_current]
        if current != [versions[-1]]:
            problems.append(f"turn {host_id} reads {current}, not {versions[-1]!r}")
        if sorted(map(str, older)) != sorted(versions[:-1]):
            problems.append(f"older versions of turn {host_id} read {older}")
    return problems


def _texts_of_turns(raw: RawSession) -> dict[str, list[tuple[str | None, bool]]]:
    """The text of each version by the host's id, None if it is forgotten; and if it is current."""
    parts = _parts_on_pages(raw)
    texts: dict[str, list[tuple[str | None, bool]]] = {}
    for turn in raw.values("turn").values():
        host_id = turn.get("host_id") or turn["id"]
        is_current = turn.get("superseded_by") != host_id
        text: str | None = parts.get(turn["ordinal"], "")
        if not turn.get("sealed") and turn.get("text") is not None:
            text = str(text) + turn["text"][turn.get("sealed_upto", 0) :]
        if turn.get("forgotten"):
            text = None
        texts.setdefault(host_id, []).append((text, is_current))
    return texts


def _parts_on_pages(raw: RawSession) -> dict[int, str]:
    """The text of each turn, by ordinal, that its pages give to who can read them."""
    parts: dict[int, str] = {}
    for page in raw.values("page").values():
        layout = page.get("layout")
        text = None if layout is None else _text_of_page(raw, page, layout)
        if text is None or layout is None:
            continue
        for span in layout["spans"]:
            ordinal, body, end = span[1], span[3], span[4]
            parts[ordinal] = parts.get(ordinal, "") + text[body:end]
    return parts


def _text_of_page(raw: RawSession, page: Json, layout: Json) -> str | None:
    """The page's text, from its lines or its largest picture; None if it has neither."""
    rows = layout["rows"]
    lines = page.get("lines")
    if lines is None:
        lines = _drawn_lines(raw, page["id"], rows)
    if lines is None:
        return None
    joins = [row[4] for row in rows]
    return "".join(line + join for line, join in zip(lines, joins, strict=True))


def _drawn_lines(raw: RawSession, page: str, rows: list[list[Any]]) -> list[str] | None:
    pictures = [
        p for key, p in raw.records.get("picture", {}).items() if key.startswith(f"{page}/")
    ]
    if not pictures:
        return None
    signs = signs_of_picture(max(pictures, key=len))
    lines: list[str] = []
    for y, x, n_cells, *_ in rows:
        first = y * COLUMNS + x
        lines.append(signs[first : first + n_cells])
    return lines


# ---- pictures ------------------------------------------------------------------------------------


def _pages_without_pictures(raw: RawSession) -> list[str]:
    """Pages that say they stand at a rung, and have no picture there."""
    problems: list[str] = []
    pictures = raw.records.get("picture", {})
    for page in raw.values("page").values():
        rung = page.get("rung")
        if page.get("state") == "certified" and f"{page['id']}/{rung}" not in pictures:
            problems.append(f"page {page['id']} has no picture at its rung {rung}")
    return problems
