"""Commands that a conversation goes through: remember, recall, context."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from optical_memory.cli.options import AsJson, ReaderName, SessionName, StoreUrl, chosen, opened
from optical_memory.cli.output import Run, maker, printable
from optical_memory.cli.progress import flush, progress_bar
from optical_memory.errors import InputError
from optical_memory.loaders import load
from optical_memory.memory import KEEP_TURNS
from optical_memory.recall.context import Context, PagePart
from optical_memory.recall.recollection import Recollection
from optical_memory.turns import Turn

__all__ = ["context", "recall", "remember"]

BUDGET = 8_000


def remember(
    file: Annotated[
        str, typer.Argument(help="A conversation file of any known format; '-': one turn on stdin.")
    ] = "-",
    role: Annotated[
        str, typer.Option(help="Who said what stands on stdin: user, assistant, system or tool.")
    ] = "user",
    conversation: Annotated[
        int | None, typer.Option(help="Which conversation of the file, from 1.")
    ] = None,
    budget: Annotated[
        int, typer.Option(help="Tokens of the agent's window that the memory may use.")
    ] = BUDGET,
    retain: Annotated[
        str, typer.Option(help="'pages' drops a certified page's text, 'text' keeps it.")
    ] = "pages",
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
    _one_of("--role", role, ("user", "assistant", "system", "tool"))
    _one_of("--retain", retain, ("pages", "text"))
    turns = (
        [Turn(role, _stdin())]
        if file == "-"
        else chosen(load(Path(file)), conversation, file).turns
    )  # type: ignore[arg-type]
    settings = {"new": True, "budget": budget, "retain": retain, "keep_turns": keep_turns}
    with (
        opened(store, session, reader, **settings) as memory,  # type: ignore[arg-type]
        progress_bar(as_json) as progress,
        memory,
    ):
        run = Run("remember", as_json, maker(memory.reader))
        ids = memory.remember(turns)
        flush(memory, progress)
        found = memory.stats()
    told = f"remembered {len(ids)} turns in session {session!r}: {found.open_turns} open, pages {found.pages or 'none'}"
    run.done(
        lambda out: out.print(told, markup=False), session=session, turns=ids, stats=found.to_json()
    )


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(allowed)}", param_hint=option)


def _stdin() -> str:
    text = sys.stdin.read().removesuffix("\n")
    if not text:
        raise InputError("nothing on stdin to remember")
    return text


def recall(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    k: Annotated[int, typer.Option("-k", min=1, help="Pages or turns to give.")] = 3,
    store: StoreUrl = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """The pages that say most about a query, each as it reads now and with how far to trust it."""
    with opened(store, session, reader) as memory:
        run = Run("recall", as_json, maker(memory.reader))
        found = memory.recall(query, k)
    run.done(
        lambda out: _show_recalled(out, found, query), [_recalled(r) for r in found], query=query
    )


def _recalled(found: Recollection) -> dict[str, Any]:
    trust = {
        "provenance": found.provenance,
        "certainty": found.certainty,
        "verified": found.share("original", "verified"),
    }
    return asdict(found) | trust


def _show_recalled(out: Console, found: list[Recollection], query: str) -> None:
    if not found:
        out.print("nothing found")
    for r in found:
        head = f"{r.provenance} score {r.score:.2f}, certainty {r.certainty:.1%}, {r.n_tokens} tokens"
        out.print(printable(head), style="bold", markup=False)
        out.print(printable(r.excerpt(query)) + "\n", markup=False)


def context(
    query: Annotated[
        str | None, typer.Argument(help="What the pages should be about; else the newest.")
    ] = None,
    budget: Annotated[int, typer.Option(min=1, help="Tokens that the context may cost.")] = BUDGET,
    mode: Annotated[str, typer.Option(help="What pages go in as: text, image or tokens.")] = "text",
    provider: Annotated[
        str, typer.Option(help="Whose price of pictures: claude, openai, gemini …")
    ] = "openai",
    store: StoreUrl = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """What goes into an agent's window: recent turns and recalled pages, within a budget."""
    from optical_memory.counting import IMAGE_PRICES

    _one_of("--mode", mode, ("text", "image", "tokens"))
    _one_of("--provider", provider, tuple(IMAGE_PRICES))
    with opened(store, session, reader) as memory:
        run = Run("context", as_json, maker(memory.reader))
        made = memory.context(query, budget, mode, provider=provider)  # type: ignore[arg-type]
    messages = None if mode == "tokens" else made.to_messages()
    fields = {
        "query": query,
        "mode": mode,
        "tokens": made.n_tokens,
        "budget": made.budget,
        "messages": messages,
    }
    run.done(lambda out: _show_context(out, made), [_part(part) for part in made.parts], **fields)


def _part(part: Any) -> dict[str, Any]:
    if isinstance(part, PagePart):
        side = part.picture.side_px if part.picture else None
        return {
            "kind": "page",
            "page": part.page,
            "rung": part.rung,
            "tokens": part.n_tokens,
            "side_px": side,
        }
    return {"kind": "turn", "turn": part.turn, "role": part.role, "tokens": part.n_tokens}


def _show_context(out: Console, made: Context) -> None:
    out.print(f"{made.n_tokens} of {made.budget} tokens, {len(made.parts)} parts", style="bold")
    for part in made.parts:
        out.print(
            printable(part.text if isinstance(part, PagePart) else f"{part.role}: {part.text}"),
            markup=False,
        )
