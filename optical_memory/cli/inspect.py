"""The command that looks at pages: a list of all, or a page with its certificate and its text."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from optical_memory.certificate import Certificate
from optical_memory.cli.options import (
    AsJson,
    KeyFile,
    ReaderName,
    SessionName,
    StoreUrl,
    open_memory,
)
from optical_memory.cli.output import Run, printable, reader_name, table
from optical_memory.errors import Forgotten
from optical_memory.memory import OpticalMemory
from optical_memory.recall.recollection import Recollection
from optical_memory.session.stored_page import PageInfo, StoredPage

__all__ = [
    "find_page",
    "inspect",
]

STATUS_STYLES = {
    "original": "green",
    "verified": "",
    "reconstructed": "yellow",
    "forgotten": "dim strike",
}

COLUMNS = ["page", "state", "rung", "visual tokens", "text tokens", "agreement"]

SHOWN_APART = ("certificate", "text", "spans", "turns")
"""Fields of a page that are not in its table of facts: they have a table or text of their own."""


def inspect(
    page: Annotated[
        str | None, typer.Argument(help="A page's number (1: the oldest) or id; else all.")
    ] = None,
    store: StoreUrl = None,
    key_file: KeyFile = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """A page: its state, its certificate by rung, the kinds of its exact facts, and its text as it
    reads now.
    """
    with open_memory(store, session, reader, key_file=key_file) as memory:
        run = Run("inspect", as_json, reader_name(memory.reader))
        if page is None:
            _list_pages(run, memory)
        else:
            _inspect_page(run, memory, find_page(memory, page))


def find_page(memory: OpticalMemory, page: str) -> PageInfo:
    """The page with this id, or with this number, as recollections count: from 1.

    Raises `Forgotten` if there is no such page.
    """
    pages = memory.pages()
    for info in pages:
        if page == info.id:
            return info
    number = int(page) if page.isdecimal() else 0
    if 1 <= number <= len(pages) and len(page) < len(pages[0].id):
        return pages[number - 1]
    raise Forgotten(
        f"no page {page!r} in session {memory.session!r}; it has pages 1 to {len(pages)}"
    )


# ---- all pages -----------------------------------------------------------------------------------


def _list_pages(run: Run, memory: OpticalMemory) -> None:
    rows = [_summary(info) for info in memory.pages()]
    cells = [[str(value) for value in row.values()] for row in rows]
    run.finish(lambda out: out.print(table(f"{len(rows)} pages", COLUMNS, cells, n_words=3)), rows)


def _summary(info: PageInfo) -> dict[str, Any]:
    return {
        "page": info.id,
        "state": info.state,
        "rung": info.rung,
        "visual_tokens": info.n_tokens if info.rung else None,
        "text_tokens": info.n_text_tokens,
        "agreement": None if info.agreement is None else round(info.agreement, 4),
    }


# ---- a page --------------------------------------------------------------------------------------


def _inspect_page(run: Run, memory: OpticalMemory, info: PageInfo) -> None:
    page = memory.inspect(info.id)
    recollection = None if info.state == "forgotten" else memory.read(info.id)
    facts = _summary(info) | _facts(page)
    if recollection is not None:
        facts |= _reading(recollection)
    run.finish(lambda out: _show_page(out, facts, recollection), **facts)


def _facts(page: StoredPage) -> dict[str, Any]:
    record = page.record
    return {
        "first": record.first_when.isoformat() if record.first_when else None,
        "last": record.last_when.isoformat() if record.last_when else None,
        "turns": [],
        "text_kept": record.lines is not None,
        "certificate": _rungs(page.certificate),
        "certified_by": _certified_by(page.certificate),
        "partial": bool(page.certificate and page.certificate.partial),
        "ledger": dict(Counter(fact.kind for fact in page.ledger.spans)),
        "keywords": record.keywords,
    }


def _rungs(certificate: Certificate | None) -> list[dict[str, Any]]:
    if certificate is None:
        return []
    return [
        {
            "rung": rung.rung,
            "agreement": rung.agreement,
            "worst": list(rung.worst),
            "sure": rung.confidence,
        }
        for rung in certificate.rungs.values()
    ]


def _certified_by(certificate: Certificate | None) -> str | None:
    if certificate is None:
        return None
    return f"{certificate.reader}@{certificate.revision}, {certificate.codec}"


def _reading(recollection: Recollection) -> dict[str, Any]:
    return {
        "turns": list(recollection.turns),
        "text": recollection.text,
        "spans": [[span.start, span.end, span.status, span.p] for span in recollection.spans],
    }


def _show_page(out: Console, facts: dict[str, Any], recollection: Recollection | None) -> None:
    rows = [
        [name.replace("_", " "), value]
        for name, value in facts.items()
        if name not in SHOWN_APART and value not in (None, [], {})
    ]
    out.print(table("page", ["", ""], rows, n_words=2))
    rungs = [
        [
            rung["rung"],
            f"{rung['agreement']:.4f}",
            f"{rung['worst'][2]:.3f}",
            f"{rung['sure']:.3f}",
        ]
        for rung in facts["certificate"]
    ]
    out.print(table("certificate", ["rung", "agreement", "worst 64", "reader's own"], rungs))
    if recollection is not None:
        _show_text(out, recollection)


def _show_text(out: Console, recollection: Recollection) -> None:
    if not out.is_terminal:
        out.print(printable(recollection.marked()))
        return
    out.print(Text.assemble(*((f" {status} ", style) for status, style in STATUS_STYLES.items())))
    parts = [
        (printable(recollection.text[span.start : span.end]), STATUS_STYLES[span.status])
        for span in recollection.spans
    ]
    out.print(Text.assemble(*parts))
