"""The command import: a folder, an export, or the sessions of a program on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from optical_memory.cli.doors.keeping import Kept, by_session, keep
from optical_memory.cli.options import (
    AsJson,
    Capacity,
    KeepTurns,
    KeyFile,
    LedgerOption,
    ReaderName,
    Retention,
    Secrets,
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
    secrets: Secrets = "off",
    store: StoreUrl = None,
    key_file: KeyFile = None,
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
        "secrets": secrets,
    }
    if dry_run:
        report = _import_all(place, lambda loaded: [])
    else:
        with (
            open_memory(store, prefix, reader, key_file=key_file, new=True, **settings) as memory,
            progress_bars(as_json) as progress,
        ):

            def keep_all(loaded: LoadedFile) -> list[Kept]:
                sessions = by_session(loaded.conversations, prefix)
                return [keep(memory.open(s), turns, progress) for s, turns in sessions.items()]

            report = _import_all(place, keep_all)
    if not report.rows:
        raise InputError(f"{place}: no conversation in it{_refusal_text(report.refusals)}")
    run.finish(
        lambda out: _show(out, report),
        report.rows,
        place=place,
        dry_run=dry_run,
        sessions=[item.row for item in report.kept],
        refused=report.refusals,
    )


@dataclass(slots=True)
class _Report:
    """A row for each file with conversations, the sessions, and the other files with reasons."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)


def _import_all(place: str, keep_all: Callable[[LoadedFile], list[Kept]]) -> _Report:
    """Load each file of the place and keep what is in it, one file at a time."""
    report = _Report()
    for file in files_in(place):
        try:
            loaded = file.load()
        except InputError as error:
            report.refusals[file.name] = str(error)
            continue
        report.rows.append(_file_row(file.name, loaded))
        report.kept += keep_all(loaded)
    return report


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


def _show(out: Console, report: _Report) -> None:
    columns = ["file", "format", "conversations", "turns", "left_out"]
    cells = [[*(row[name] for name in columns[:4]), len(row["left_out"])] for row in report.rows]
    out.print(table("files", columns, cells, n_words=2))
    if report.kept:
        n_new = sum(item.n_new for item in report.kept)
        out.print(f"{n_new} new turns in {len(report.kept)} sessions")
    for error in list(report.refusals.values())[:MAX_REFUSALS]:
        out.print(printable(f"passed over: {error}"))
    n_more = len(report.refusals) - MAX_REFUSALS
    if n_more > 0:
        out.print(f"and {n_more} files more; --json has all")
