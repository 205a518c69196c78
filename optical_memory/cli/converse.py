"""Commands that answer from a memory: recall, context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console

from optical_memory.cli.options import (
    BUDGET,
    AsJson,
    KeyFile,
    Provider,
    ReaderName,
    Secrets,
    SessionName,
    StoreUrl,
    open_memory,
)
from optical_memory.cli.output import Run, printable, reader_name
from optical_memory.recall.recollection import Recollection
from optical_memory.recall.window.context import Context, Mode
from optical_memory.recall.window.parts import PassagePart, TextPart

__all__ = [
    "context",
    "recall",
]


# ---- recall --------------------------------------------------------------------------------------


def recall(
    query: Annotated[str, typer.Argument(help="The words to look for.")],
    k: Annotated[int, typer.Option("-k", min=1, help="Pages or turns to give.")] = 3,
    secrets: Secrets = "off",
    store: StoreUrl = None,
    key_file: KeyFile = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """The turns that say most about a query, each as it reads now and with how far to trust it."""
    with open_memory(store, session, reader, key_file=key_file, secrets=secrets) as memory:
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
    row = asdict(recollection)
    for part in row["parts"]:
        part["when"] = part["when"].isoformat() if part["when"] else None
    return row | trust


def _show_recollections(out: Console, recollections: Sequence[Recollection], query: str) -> None:
    if not recollections:
        out.print("nothing found")
    for recollection in recollections:
        head = (
            f"{recollection.provenance} score {recollection.score:.2f}, "
            f"certainty {recollection.certainty:.1%}, {recollection.n_tokens} tokens"
        )
        out.print(printable(head), style="bold")
        out.print(printable(recollection.excerpt(query)) + "\n")


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
    secrets: Secrets = "off",
    store: StoreUrl = None,
    key_file: KeyFile = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """The content of an agent's window: recent turns and recalled passages, within a budget."""
    with open_memory(store, session, reader, key_file=key_file, secrets=secrets) as memory:
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
        out.print(printable(text))
