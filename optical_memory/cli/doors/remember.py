"""The command remember: a conversation file, or one turn from stdin."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from optical_memory.cli.doors.keeping import Kept, by_session, keep, left_out_lines
from optical_memory.cli.options import (
    AsJson,
    Capacity,
    KeepTurns,
    KeyFile,
    LedgerOption,
    ReaderName,
    Retention,
    Secrets,
    SessionName,
    StoreUrl,
    open_memory,
    pick,
)
from optical_memory.cli.output import Run, printable, reader_name
from optical_memory.cli.progress import progress_bars
from optical_memory.errors import InputError
from optical_memory.loaders import Conversation, LoadedFile, load_file
from optical_memory.loaders.content.utf8 import decode_text, utf8_bytes
from optical_memory.memory import KEEP_TURNS
from optical_memory.turns import Role, Turn

__all__ = ["remember"]


def remember(
    file: Annotated[
        str, typer.Argument(help="A conversation file of any known format; '-': one turn on stdin.")
    ] = "-",
    role: Annotated[Role, typer.Option(help="The role of the turn on stdin.")] = "user",
    conversation: Annotated[
        int | None, typer.Option(help="Which conversation of the file, from 1.")
    ] = None,
    session_per_conversation: Annotated[
        bool,
        typer.Option(
            "--session-per-conversation",
            help="All conversations of the file, each in the session SESSION/CONVERSATION.",
        ),
    ] = False,
    capacity: Capacity = None,
    retain: Retention = "pages",
    ledger: LedgerOption = "auto",
    keep_turns: KeepTurns = KEEP_TURNS,
    secrets: Secrets = "off",
    store: StoreUrl = None,
    key_file: KeyFile = None,
    session: SessionName = "default",
    reader: ReaderName = "pocket",
    as_json: AsJson = False,
) -> None:
    """Keep a conversation file, or one turn from stdin; full pages are drawn, certified and fade as
    they must. The same file again adds its new turns alone.
    """
    loaded = _load(file, role)
    if session_per_conversation:
        sessions = by_session(loaded.conversations, session)
    else:
        sessions = {session: list(pick(loaded.conversations, conversation, file).turns)}
    settings: dict[str, Any] = {
        "capacity": capacity,
        "retain": retain,
        "ledger": ledger,
        "keep_turns": keep_turns,
        "secrets": secrets,
    }
    with (
        open_memory(store, session, reader, key_file=key_file, new=True, **settings) as memory,
        progress_bars(as_json) as progress,
    ):
        run = Run("remember", as_json, reader_name(memory.reader))
        kept = [keep(memory.open(name), turns, progress) for name, turns in sessions.items()]
    run.finish(
        lambda out: _show(out, loaded, kept),
        [item.row for item in kept],
        session=session,
        format=loaded.format,
        turns=[id for item in kept for id in item.ids],
        new=sum(item.n_new for item in kept),
        left_out=[asdict(item) for item in loaded.left_out],
        stats=kept[0].stats.to_json(),
    )


def _load(file: str, role: Role) -> LoadedFile:
    if file == "-":
        turn = Turn(role, _stdin())
        return LoadedFile(Path("-"), "one turn", (Conversation("stdin", (turn,)),))
    return load_file(file, keep_evidence_ids=False)


def _stdin() -> str:
    raw = sys.stdin.buffer.read()  # a Windows shell writes a byte order mark and CRLF
    text = decode_text(utf8_bytes(raw, "stdin"), "stdin")[0].removesuffix("\n")
    if not text:
        raise InputError("nothing on stdin to remember")
    return text


def _show(out: Console, loaded: LoadedFile, kept: Sequence[Kept]) -> None:
    n_turns = sum(len(item.ids) for item in kept)
    lines = [f"read as {loaded.format}: {n_turns} turns", *left_out_lines(loaded.left_out)]
    lines += [item.sentence for item in kept]
    for line in lines:
        out.print(printable(line))
