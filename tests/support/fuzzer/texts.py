"""Targets: texts and messages on their way to pages, and files that loaders read."""

from __future__ import annotations

import contextlib
import json
import tempfile
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from optical_memory import Turn
from optical_memory.agents import compress
from optical_memory.loaders import openai_messages
from optical_memory.pages import Grid, Layout, Page
from optical_memory.renderers.layout import PlacedTurn
from optical_memory.renderers.renderer import PageRenderer
from optical_memory.testing import ALPHABET, SMALL_GRID
from optical_memory.turns import Attachment, ToolCall, body, valid_turn
from support.fuzzer.dict_store import DictStore
from support.fuzzer.full_session import READER, open_memory
from support.fuzzer.odd import dumped, odd_json, odd_text
from support.fuzzer.target import REFUSALS, BrokenPromiseError, Target
from support.load_property import promises_of
from support.load_samples import REFUSED_SAMPLES, SAMPLES
from support.mutations import mutated

__all__ = ["TEXTS"]

# ---- the renderer --------------------------------------------------------------------------------

GRIDS = (SMALL_GRID, SMALL_GRID, Grid(), Grid(columns=40, rows=16, text_columns=1, style="sans"))
DRAWN_SHARE = 0.3
"""Of the cases; drawing costs ten times as much as laying out."""


def _make_turns(rng: Random) -> bytes:
    turns = [_odd_turn(rng) for _ in range(rng.choice((1, 1, 3, 8)))]
    drawn = rng.random() < DRAWN_SHARE
    offset = rng.choice((0, 0, 0, 1, 7))
    return dumped(
        {"grid": rng.randrange(len(GRIDS)), "turns": turns, "drawn": drawn, "offset": offset}
    )


def _odd_turn(rng: Random) -> dict[str, Any]:
    turn: dict[str, Any] = {
        "role": rng.choice(("user", "assistant", "system", "tool")),
        "text": odd_text(rng) if rng.random() < 0.9 else odd_text(rng) * 30,
    }
    if rng.random() < 0.3:
        turn["name"] = odd_text(rng, 9)
    if rng.random() < 0.2:
        turn["calls"] = [[odd_text(rng, 4), odd_text(rng)] for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.1:
        turn["pictures"] = [[odd_text(rng, 4), odd_text(rng, 9)]]
    return turn


def _turn(data: dict[str, Any]) -> Turn:
    return valid_turn(
        Turn(
            data["role"],
            data["text"],
            data.get("name"),
            tool_calls=tuple(ToolCall(*call) for call in data.get("calls", ())),
            attachments=tuple(Attachment("image", *p) for p in data.get("pictures", ())),
        )
    )


def _check_turns(case: bytes) -> None:
    data = json.loads(case)
    turns = [_turn(turn) for turn in data["turns"]]
    offset = min(data["offset"], len(body(turns[0])))
    placed = [PlacedTurn(turn, f"m{i}", i, 0 if i else offset) for i, turn in enumerate(turns)]
    renderer = PageRenderer(GRIDS[data["grid"]])
    pages = renderer.paginate(placed)
    _require_all_text(placed, pages)
    for page in pages[: 1 if data["drawn"] else 0]:
        _require_legible(renderer, page)


def _require_all_text(placed: list[PlacedTurn], pages: list[Page]) -> None:
    """Over all pages, the spans of a turn give its body back."""
    texts = {turn.id: "" for turn in placed}
    for page in pages:
        if Layout.from_json(json.loads(dumped(page.layout.to_json()))) != page.layout:
            raise BrokenPromiseError("a layout's JSON gives another layout")
        for span in page.layout.spans:
            texts[span.turn] += page.text[span.body : span.end]
    for turn in placed:
        if texts[turn.id] != body(turn.turn)[turn.offset :]:
            raise BrokenPromiseError(f"{turn.id} has other words on its pages")


def _require_legible(renderer: PageRenderer, page: Page) -> None:
    """Every plain sign of the page is read back from its picture, where it stands."""
    rung = READER.profile.ladder[0]
    image = renderer.draw(page, rung.side_px)
    if image.shape != (rung.side_px, rung.side_px) or not np.isin(image % 17, 0).all():
        raise BrokenPromiseError(f"a picture of {image.shape}, or of other grays")
    if page.layout.grid != READER.profile.grid:
        return
    (tokens,) = READER.encode([image], rung)
    (reading,) = READER.decode([tokens], [page.layout])
    if len(reading.text) != len(page.text):
        raise BrokenPromiseError("a reading of another length")
    wrong = [
        (char, sign)
        for char, sign in zip(page.text, reading.text, strict=True)
        if char != sign and char in ALPHABET and sign in ALPHABET
    ]
    if wrong:
        raise BrokenPromiseError(f"signs that are read as others: {wrong[:5]}")


# ---- loaders -------------------------------------------------------------------------------------


@cache
def _samples() -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in (*SAMPLES, *REFUSED_SAMPLES)]


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-files-"))


def _make_file(rng: Random) -> bytes:
    name, content = rng.choice(_samples())
    return name.encode() + b"\n" + mutated(content, rng)


def _check_file(case: bytes) -> None:
    """Loaded or refused, and nothing is lost without a word."""
    name, _, content = case.partition(b"\n")
    path = _folder() / name.decode()
    path.write_bytes(content)
    promises = promises_of(path)
    if promises:
        raise BrokenPromiseError("; ".join(promises))


# ---- messages of hosts ---------------------------------------------------------------------------

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": [1, {}]}'}}
PNG = "data:image/png;base64,iVBORw0KGgo="
MESSAGES: list[list[dict[str, Any]]] = [
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "gate code 4417?"}], "name": "Mel"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c", "content": "open", "timestamp": "2026-03-03"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG}}]},
    ],
    [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": []}]},
        {
            "role": "user",
            "content": [{"type": "document", "source": {"type": "text", "data": "x"}}],
        },
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}],
        },
    ],
    [
        {
            "role": "user",
            "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "a/b", "data": ""}}],
        },
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]},
        {"role": "function", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
    ],
    [
        {"type": "human", "data": {"content": "hi", "additional_kwargs": {}, "id": "1"}},
        {
            "type": "ai",
            "data": {"content": "", "tool_calls": [{"name": "f", "args": {}, "id": "c"}]},
        },
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"},
        {"type": "function_call_output", "call_id": "c", "output": "4417"},
    ],
]


def _make_messages(rng: Random) -> bytes:
    messages = json.loads(dumped(rng.choice(MESSAGES)))
    for message in messages:
        if isinstance(message.get("content"), str) and rng.random() < 0.3:
            message["content"] = odd_text(rng)
    return odd_json(dumped(messages), rng)


def _check_messages(case: bytes) -> None:
    """Each door takes the messages or refuses them, whatever the others do."""
    try:
        messages = json.loads(case)
    except (ValueError, RecursionError):
        return
    rest = messages[1:] if isinstance(messages, list) else messages
    memory = open_memory(DictStore())
    for door in (
        lambda: compress(messages, 60, reader=READER),
        lambda: openai_messages(messages),
        lambda: memory.sync(messages),
        lambda: memory.sync(rest),
    ):
        with contextlib.suppress(*REFUSALS):
            door()


TEXTS = (
    Target("renderer", 0.015, _make_turns, _check_turns),
    Target("loaders", 0.06, _make_file, _check_file),
    Target("messages", 0.05, _make_messages, _check_messages),
)
"""What people and programs write."""
