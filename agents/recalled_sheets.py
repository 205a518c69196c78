"""Recalled passages on sheets: kept as plain JSON, and always the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from typing_extensions import TypedDict

from optical_memory.hosts.profile import HostProfile
from optical_memory.recall.recollection import Recollection
from optical_memory.recall.window.assemble import Window
from optical_memory.recall.window.blocks import block_in
from optical_memory.recall.window.frame import frame_blocks
from optical_memory.recall.window.sheet_window import PAYS, SheetWindow
from optical_memory.sheets.as_json import sheet_from_json, sheet_to_json
from optical_memory.sheets.sheet import Sheet

__all__ = [
    "Drawing",
    "SheetRule",
    "draw_passages",
    "drawing_blocks",
    "sheet_prices",
]

DIGEST_BYTES = 8


class Drawing(TypedDict):
    """Passages on sheets for a host, as plain JSON and never as a picture.

    `blocks` are texts, and sheets as their words with their places. `host` is the name of the
    profile, and `id` is a digest of the blocks.
    """

    id: str
    host: str
    blocks: list[Any]


@dataclass(frozen=True, slots=True)
class SheetRule:
    """For which host sheets are drawn: in mode "auto" if they pay, in mode "image" if they cost
    less than their text at all.
    """

    host: HostProfile
    mode: Literal["auto", "image"] = "auto"

    @property
    def min_ratio(self) -> float:
        """How many times as much as its sheets a text must cost."""
        return PAYS if self.mode == "auto" else 1.0


def draw_passages(passages: Sequence[Recollection], budget: int, rule: SheetRule) -> Drawing | None:
    """The passages on sheets, in at most `budget` tokens of the host; None if that is not worth it.

    The best passages come first; the last are left out if all are too many.
    """
    if not passages:
        return None
    by_rank = [replace(passage, score=float(-i)) for i, passage in enumerate(passages)]
    newest = max(passage.ordinal for passage in passages)
    window = SheetWindow(Window(()), rule.host, newest, rule.min_ratio)
    parts, _ = window.best(by_rank, budget)
    if not any(part.sheets for part in parts):
        return None
    blocks = [
        sheet_to_json(block) if isinstance(block, Sheet) else str(block)
        for block in frame_blocks(parts)
    ]
    words = json.dumps(blocks, ensure_ascii=True)
    id = hashlib.blake2b(words.encode(), digest_size=DIGEST_BYTES).hexdigest()
    return Drawing(id=id, host=rule.host.name, blocks=blocks)


def drawing_blocks(drawing: Drawing) -> list[dict[str, Any]]:
    """The texts and pictures of a drawing, as the blocks of a message of LangChain."""
    return [
        block_in("langchain", block if isinstance(block, str) else sheet_from_json(block))
        for block in drawing["blocks"]
    ]


def sheet_prices(drawing: Drawing) -> list[int]:
    """What each sheet of a drawing costs, in the host's tokens."""
    return [block[2] for block in drawing["blocks"] if not isinstance(block, str)]
