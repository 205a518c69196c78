"""The command import: a folder, an export, or the sessions of a program on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from optical_memory.cli.doors.keeping import Kept, by_session, keep
from optical_memory.cli.options import (
    AsJson,
    Capacity,
    KeepTurns,
    LedgerOption,
    ReaderName,
    Retention,
    StoreUrl,
    open_memory,
)
from optical_memory.cli.output import Run, printable, table
from optical_memory.cli.progress import progress_bars
from optical_memory.errors import InputError
from optical_memory.loaders import LoadedFile
from optical_memory.loaders.places import PROGRAMS, files_in
from optical_memory.memory import KEEP_TURNS

__all__ = ["import_place"]

MAX_REFUSALS = 8
"""Refused files that a summary for people lists; `--json` has all."""


def import_place(
    place: Annotated[
        str,
        typer.Argument(help=f"A folder, an export's zip file, a file, or {', '.join(PROGRAMS)}."),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which conversations there are, and keep nothing.")
    ] = False,
    capacity: Capacity = None,
    retain: Retention = "pages",
    ledger: LedgerOption = "auto",
    keep_turns: KeepTurns = KEEP_TURNS,
    store: StoreUrl = None,
    session: Annotated[
        str | None,
        typer.Option(
            "--session", help="Sessions are SESSION/CONVERSATION; without it the place's name."
        ),
    ] = None,
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Keep every conversation of a place, each in a session of its own. The same place again adds
    new turns alone. Files that are no conversations are passed over and named.
    """
    run = Run("import", as_json)
    prefix = session or Path(place).resolve().stem
    settings: dict[str, Any] = {
        "capacity": capacity,
        "retain": retain,
        "ledger": ledger,
        "keep_turns": keep_turns,
    }
    kept: list[Kept] = []
    refusals: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    files = _load_all(place, refusals)
    if dry_run:
        rows = [_file_row(name, loaded) for name, loaded in files]
    else:
        with (
            open_memory(store, prefix, reader, new=True, **settings) as memory,
            progress_bars(as_json) as progress,
        ):
            for name, loaded in files:
                rows.append(_file_row(name, loaded))
                sessions = by_session(loaded.conversations, prefix)
                kept += [keep(memory.open(s), turns, progress) for s, turns in sessions.items()]
    if not rows:
        raise InputError(f"{place}: no conversation in it{_refusal_text(refusals)}")
    run.finish(
        lambda out: _show(out, rows, kept, refusals),
        rows,
        place=place,
        dry_run=dry_run,
        sessions=[item.row for item in kept],
        refused=refusals,
    )


def _load_all(place: str, refusals: dict[str, str]) -> Iterator[tuple[str, LoadedFile]]:
    """Each file that holds conversations, with its name; the others go into `refusals`."""
    for file in files_in(place):
        try:
            yield file.name, file.load()
        except InputError as error:
            refusals[file.name] = str(error)


def _file_row(name: str, loaded: LoadedFile) -> dict[str, Any]:
    return {
        "file": name,
        "format": loaded.format,
        "conversations": len(loaded.conversations),
        "turns": sum(len(conversation.turns) for conversation in loaded.conversations),
        "left_out": [asdict(item) for item in loaded.left_out],
    }


def _refusal_text(refusals: dict[str, str]) -> str:
    return "".join(f"\n  {error}" for error in list(refusals.values())[:MAX_REFUSALS])


def _show(
    out: Console, rows: list[dict[str, Any]], kept: list[Kept], refusals: dict[str, str]
) -> None:
    columns = ["file", "format", "conversations", "turns", "left_out"]
    cells = [[*(row[name] for name in columns[:4]), len(row["left_out"])] for row in rows]
    out.print(table("files", columns, cells, n_words=2))
    if kept:
        n_new = sum(item.n_new for item in kept)
        out.print(f"{n_new} new turns in {len(kept)} sessions")
    for error in list(refusals.values())[:MAX_REFUSALS]:
        out.print(printable(f"passed over: {error}"))
    if len(refusals) > MAX_REFUSALS:
        out.print(f"and {len(refusals) - MAX_REFUSALS} files more; --json has all")
