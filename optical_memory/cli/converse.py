"""Commands that a conversation goes through: remember, recall, context."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from optical_memory.cli.options import (
    BUDGET,
    AsJson,
    Capacity,
    LedgerOption,
    Provider,
    ReaderName,
    Retention,
    SessionName,
    StoreUrl,
    open_memory,
    pick,
)
from optical_memory.cli.output import Run, printable, reader_name
from optical_memory.cli.progress import progress_bars
from optical_memory.errors import InputError
from optical_memory.loaders import load
from optical_memory.loaders.content.utf8 import decode_text, utf8_bytes
from optical_memory.memory import KEEP_TURNS
from optical_memory.recall.recollection import Recollection
from optical_memory.recall.window.context import Context, Mode
from optical_memory.recall.window.parts import PassagePart, TextPart
from optical_memory.turns import Role, Turn

__all__ = [
    "context",
    "recall",
    "remember",
]


# ---- remember ------------------------------------------------------------------------------------


def remember(
    file: Annotated[
        str, typer.Argument(help="A conversation file of any known format; '-': one turn on stdin.")
    ] = "-",
    role: Annotated[Role, typer.Option(help="The role of the turn on stdin.")] = "user",
    conversation: Annotated[
        int | None, typer.Option(help="Which conversation of the file, from 1.")
    ] = None,
    capacity: Capacity = None,
    retain: Retention = "pages",
    ledger: LedgerOption = "auto",
    keep_turns: Annotated[
        int, typer.Option(help="The newest turns that always stay text.")
    ] = KEEP_TURNS,
    store: StoreUrl = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Keep a conversation file, or one turn from stdin; full pages are drawn, certified and fade as
    they must.
    """
    turns = _turns(file, role, conversation)
    settings: dict[str, Any] = {
        "capacity": capacity,
        "retain": retain,
        "ledger": ledger,
        "keep_turns": keep_turns,
    }
    with (
        open_memory(store, session, reader, new=True, **settings) as memory,
        progress_bars(as_json) as progress,
        memory,
    ):
        run = Run("remember", as_json, reader_name(memory.reader))
        ids = memory.remember(turns)
        memory.flush(progress)
        stats = memory.stats()
    summary = (
        f"remembered {len(ids)} turns in session {session!r}: "
        f"{stats.open_turns} open, pages {stats.pages or 'none'}"
    )
    run.finish(
        lambda out: out.print(summary, markup=False),
        session=session,
        turns=ids,
        stats=stats.to_json(),
    )


def _turns(file: str, role: Role, conversation: int | None) -> Sequence[Turn]:
    if file == "-":
        return [Turn(role, _stdin())]
    return pick(load(Path(file)), conversation, file).turns


def _stdin() -> str:
    raw = sys.stdin.buffer.read()  # a Windows shell writes a byte order mark and CRLF
    text = decode_text(utf8_bytes(raw, "stdin"), "stdin")[0].removesuffix("\n")
    if not text:
        raise InputError("nothing on stdin to remember")
    return text


# ---- recall --------------------------------------------------------------------------------------


def recall(
    query: Annotated[str, typer.Argument(help="The words to look for.")],
    k: Annotated[int, typer.Option("-k", min=1, help="Pages or turns to give.")] = 3,
    store: StoreUrl = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """The turns that say most about a query, each as it reads now and with how far to trust it."""
    with open_memory(store, session, reader) as memory:
        run = Run("recall", as_json, reader_name(memory.reader))
        recollections = memory.recall(query, k)
    run.finish(
        lambda out: _show_recollections(out, recollections, query),
        [_row(recollection) for recollection in recollections],
        query=query,
    )


def _row(recollection: Recollection) -> dict[str, Any]:
    trust = {
        "provenance": recollection.provenance,
        "certainty": recollection.certainty,
        "verified": recollection.share("original", "verified"),
    }
    return asdict(recollection) | trust


def _show_recollections(out: Console, recollections: Sequence[Recollection], query: str) -> None:
    if not recollections:
        out.print("nothing found")
    for recollection in recollections:
        head = (
            f"{recollection.provenance} score {recollection.score:.2f}, "
            f"certainty {recollection.certainty:.1%}, {recollection.n_tokens} tokens"
        )
        out.print(printable(head), style="bold", markup=False)
        out.print(printable(recollection.excerpt(query)) + "\n", markup=False)


# ---- context -------------------------------------------------------------------------------------


def context(
    query: Annotated[
        str | None, typer.Argument(help="What the pages should be about; else the newest.")
    ] = None,
    budget: Annotated[int, typer.Option(min=1, help="Tokens that the context may cost.")] = BUDGET,
    mode: Annotated[Mode, typer.Option(help="The form in which pages go in.")] = "text",
    model: Annotated[
        str | None, typer.Option(help="The agent's model: pictures only if it reads them.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="A name of `optical-memory hosts`.")] = None,
    provider: Annotated[
        Provider | None, typer.Option(help="Stored pages, at this provider's price of pictures.")
    ] = None,
    store: StoreUrl = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """The content of an agent's window: recent turns and recalled passages, within a budget."""
    with open_memory(store, session, reader) as memory:
        run = Run("context", as_json, reader_name(memory.reader))
        window = memory.context(query, budget, mode, provider=provider, host=host, model=model)
    run.finish(
        lambda out: _show_context(out, window),
        [_part(part) for part in window.parts],
        query=query,
        mode=mode,
        tokens=window.n_tokens,
        budget=window.budget,
        messages=None if mode == "tokens" else window.to_messages(),
    )


def _part(part: TextPart | PassagePart) -> dict[str, Any]:
    if isinstance(part, PassagePart):
        return {
            "kind": "passage",
            "page": part.page,
            "pages": list(part.passage.pages),
            "rungs": list(part.passage.rungs),
            "turns": list(part.turns),
            "tokens": part.n_tokens,
            "side_px": part.picture.side_px if part.picture else None,
            "sheets": len(part.sheets),
        }
    return {"kind": "turn", "turn": part.turn, "role": part.role, "tokens": part.n_tokens}


def _show_context(out: Console, window: Context) -> None:
    out.print(
        f"{window.n_tokens} of {window.budget} tokens, {len(window.parts)} parts", style="bold"
    )
    for part in window.parts:
        text = part.text if isinstance(part, PassagePart) else f"{part.role}: {part.text}"
        out.print(printable(text), markup=False)
