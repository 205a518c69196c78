"""Commands that look after a session: stats, check, forget, supersede."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from optical_memory.cli.inspect import find_page
from optical_memory.cli.options import (
    AsJson,
    KeyFile,
    ReaderName,
    Secrets,
    SessionName,
    StoreUrl,
    open_memory,
)
from optical_memory.cli.output import Run, printable, reader_name, table
from optical_memory.session.stats import Stats

__all__ = [
    "check",
    "forget",
    "stats",
    "supersede",
]


def stats(
    store: StoreUrl = None,
    key_file: KeyFile = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Counts of a session: turns, pages by rung, tokens against capacity, and forgotten pages."""
    with open_memory(store, session, reader, key_file=key_file) as memory:
        run = Run("stats", as_json, reader_name(memory.reader))
        counts = memory.stats()
        sessions = memory.sessions()
    run.finish(
        lambda out: _show_stats(out, session, counts),
        session=session,
        sessions=sessions,
        **counts.to_json(),
    )


def _show_stats(out: Console, session: str, counts: Stats) -> None:
    pages = ", ".join(f"{n} {rung}" for rung, n in counts.pages.items())
    rows: list[list[object]] = [
        ["turns", f"{counts.turns}, {counts.open_turns} of them open"],
        ["superseded, forgotten turns", f"{counts.superseded_turns}, {counts.forgotten_turns}"],
        ["pages", pages or "none"],
        ["visual tokens", counts.visual_tokens],
        ["ledger tokens", counts.ledger_tokens],
        ["text tokens of the pages", counts.text_tokens],
        [
            "compression, with the ledger",
            f"{counts.compression:.1f}x" if counts.compression else "–",
        ],
        ["forgotten pages", len(counts.forgotten)],
        ["waiting for the background", _waiting(counts)],
        ["masked secrets", counts.masked_secrets],
    ]
    out.print(table(f"session {printable(session)!r}", ["", ""], rows, n_words=2))


def _waiting(counts: Stats) -> str:
    """The pages that wait, and since when, as far as this command knows."""
    works = ", ".join(f"{n} to {work}" for work, n in counts.waiting.items())
    return f"{works}; the oldest for {counts.lag_seconds:.0f} s or longer" if works else "nothing"


def check(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended.")] = False,
    store: StoreUrl = None,
    key_file: KeyFile = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Look for problems in a session and its store; exits with 1 if any are left."""
    with open_memory(store, session, reader, key_file=key_file) as memory:
        run = Run("check", as_json, reader_name(memory.reader))
        problems = memory.check(repair=repair)
        remainder = memory.check() if repair else problems
    rows = [{"problem": problem, "mended": problem not in remainder} for problem in problems]
    lines = [f"{'mended: ' if row['mended'] else ''}{row['problem']}" for row in rows]
    text = "\n".join(lines) or "no problems"
    run.finish(lambda out: out.print(printable(text)), rows, ok=not remainder)
    raise typer.Exit(1 if remainder else 0)


def forget(
    page: Annotated[str | None, typer.Option(help="A page's number or id.")] = None,
    turn: Annotated[str | None, typer.Option(help="A turn's id.")] = None,
    whole_session: Annotated[
        bool, typer.Option("--whole-session", help="All of the session.")
    ] = False,
    secrets: Secrets = "off",
    store: StoreUrl = None,
    key_file: KeyFile = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Remove a page, a turn with all its versions or the whole session for good: record, pictures,
    tokens, ledger and index.
    """
    if [page is not None, turn is not None, whole_session].count(True) != 1:
        raise typer.BadParameter("name one thing: --page, --turn or --whole-session")
    with open_memory(store, session, reader, key_file=key_file, secrets=secrets) as memory:
        run = Run("forget", as_json, reader_name(memory.reader))
        n_versions: int | None = None
        if page is not None:
            id = find_page(memory, page).id
            memory.forget(page=id)
            thing = f"page {id}"
        elif turn is not None:
            n_versions = memory.forget(turn=turn)
            thing = f"turn {turn!r}"
            thing += f", {n_versions} versions" if n_versions != 1 else ""
        else:
            memory.forget(session=True)
            thing = f"session {session!r}"
    run.finish(
        lambda out: out.print(f"forgot {printable(thing)}"),
        forgot=thing,
        versions=n_versions,
    )


def supersede(
    turn: Annotated[str, typer.Argument(help="The id of the older turn.")],
    by: Annotated[str, typer.Argument(help="The id of the turn that replaces it.")],
    secrets: Secrets = "off",
    store: StoreUrl = None,
    key_file: KeyFile = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Replace a turn by a later one: it stays, but is not handed over as current any more."""
    with open_memory(store, session, reader, key_file=key_file, secrets=secrets) as memory:
        run = Run("supersede", as_json, reader_name(memory.reader))
        memory.supersede(turn, by)
    sentence = f"turn {turn!r} is superseded by {by!r}"
    run.finish(lambda out: out.print(printable(sentence)), turn=turn, by=by)
