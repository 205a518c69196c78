"""Layout, ledger and certificate of a page from stored JSON, each field checked before it is used.

A record may be wrong in any field although it is JSON of the right shape. Numbers that point
outside the page would end a later reading with an error that says nothing, or take all memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec

from optical_memory.certificate import Certificate, agreements_in
from optical_memory.ledger import Ledger, LedgerSpan, ledger_tokens
from optical_memory.pages import Cluster, Layout

__all__ = [
    "PlacedTurn",
    "agreements_from_json",
    "certificate_from_json",
    "layout_from_json",
    "ledger_from_json",
    "ledger_tokens_from_json",
    "turns_from_json",
]

Json = dict[str, Any]

MOST: Final = 2**31 - 1
"""No offset, ordinal or count of tokens is larger: those of the index have 32 bits too."""

MOST_CELLS: Final = 4096
"""Columns or rows of a page, at most: 32 times as many as ours have."""

Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
Cells = Annotated[int, msgspec.Meta(ge=0, le=MOST_CELLS)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class _List(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """A value that is stored as the list of its fields."""


class _Cluster(_List):
    char: Count
    chars: Count
    cell: Count
    cells: Count


class _Row(_List):
    y: Cells
    x: Cells
    cells: Cells
    chars: Count
    join: Literal["", " ", "\n"]
    clusters: list[_Cluster]


class PlacedTurn(_List):
    """The fields of a `TurnSpan`, as a page's record has them."""

    turn: str
    ordinal: Count
    start: Count
    body: Count
    end: Count
    more: bool = False
    resumed: bool = False


class _Grid(_List):
    columns: Annotated[int, msgspec.Meta(ge=1, le=MOST_CELLS)] = 128
    rows: Annotated[int, msgspec.Meta(ge=1, le=MOST_CELLS)] = 64
    text_columns: Annotated[int, msgspec.Meta(ge=1, le=MOST_CELLS)] = 2
    gutter: Cells = 2
    style: Literal["cells", "sans"] = "cells"


class _Layout(msgspec.Struct, gc=False):
    grid: _Grid
    rows: list[_Row]
    spans: list[PlacedTurn]


class _Fact(_List):
    start: Count
    end: Count
    kind: str
    text: str


class _StubFact(_Fact):
    words_before: str = ""
    words_after: str = ""


class _Term(_List):
    start: Count
    end: Count
    text: str


class _Ledger(msgspec.Struct, gc=False):
    spans: list[_Fact]
    v: int
    tokens: Count = 0
    stub: list[_StubFact] = []
    facts: Count | None = None
    unwritten: list[_Term] = []


class _Worst(_List):
    start: Count
    end: Count
    share: Share


class _Rung(_List):
    rung: str
    agreement: Share
    misread: list[Count]
    worst: _Worst
    confidence: Share
    checks: str = ""
    method: str = ""


class _Certificate(msgspec.Struct, gc=False):
    v: int
    reader: str
    revision: str
    codec: str
    partial: bool
    rungs: list[_Rung]


def layout_from_json(data: Json) -> Layout:
    """The layout. Raises `ValueError` or another error of a parser if a field is wrong."""
    msgspec.convert(data, _Layout)
    layout = Layout.from_json(data)
    n_chars = layout.n_chars
    if n_chars > layout.grid.columns * layout.grid.rows * MOST_CELLS:
        raise ValueError("more characters than a page can have")
    for row in layout.rows:
        if row.y >= layout.grid.rows or row.x >= layout.grid.columns:
            raise ValueError("a row stands outside the page")
        _require_inside(row.clusters, row.chars, row.cells)
    for span in layout.spans:
        if not span.start <= span.body <= span.end <= n_chars:
            raise ValueError("a turn stands outside the page")
    return layout


def turns_from_json(data: Json) -> list[PlacedTurn]:
    """The turns of a layout, without parsing the rest. Raises as `layout_from_json`."""
    return msgspec.convert(data["spans"], list[PlacedTurn])


def _require_inside(clusters: Sequence[Cluster], n_chars: int, n_cells: int) -> None:
    for cluster in clusters:
        if cluster.char + cluster.chars > n_chars or cluster.cell + cluster.cells > n_cells:
            raise ValueError("a part of a row stands outside it")


def ledger_from_json(data: Json) -> Ledger:
    """The ledger. Raises as `layout_from_json`, and `NewerFormat`."""
    ledger = Ledger.from_json(data)
    msgspec.convert(data, _Ledger)
    _require_order(ledger.spans)
    return ledger


def _require_order(spans: Sequence[LedgerSpan]) -> None:
    end = 0
    for span in spans:
        if not end <= span.start <= span.end:
            raise ValueError("facts overlap, or are in no order")
        end = span.end


def ledger_tokens_from_json(data: Json) -> int:
    """The tokens of a ledger. Raises as `ledger_from_json`."""
    return int(msgspec.convert(ledger_tokens(data), Count))


def certificate_from_json(data: Json) -> Certificate:
    """The certificate. Raises as `ledger_from_json`."""
    certificate = Certificate.from_json(data)
    msgspec.convert(data, _Certificate)
    return certificate


def agreements_from_json(data: Json) -> dict[str, float]:
    """Agreement by rung. Raises as `ledger_from_json`."""
    return msgspec.convert(agreements_in(data), dict[str, Share])
