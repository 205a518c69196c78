"""Targets: the doors of the package, and whole sessions behind them, given odd things."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from optical_memory import OpticalMemory
from optical_memory.agents.hooks.answers import hook_answer
from optical_memory.agents.mcp import memory_server
from optical_memory.cli import main
from optical_memory.session.export import exported_name, read_export, restore_export
from support.fuzzer.dict_store import DictStore
from support.fuzzer.full_session import READER, SESSION, full_store, open_memory
from support.fuzzer.odd import dumped, flipped, odd_json, odd_text
from support.fuzzer.target import REFUSALS, BrokenPromiseError, Target

__all__ = ["DOORS"]


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-doors-"))


# ---- a session with a spoilt record --------------------------------------------------------------

QUESTIONS = ("gate code", "What did Mel say on 3 March 2026?", "PX-7", "")


def _make_session(rng: Random) -> bytes:
    records = full_store().records[SESSION]
    kind, key = rng.choice(sorted(records))
    value = records[kind, key]
    spoilt = flipped(value, rng) if kind in ("picture", "index") else odd_json(value, rng)
    return dumped([kind, key, rng.randrange(len(QUESTIONS))]) + b"\n" + spoilt


def _check_session(case: bytes) -> None:
    """One spoilt record costs itself: everything else answers, or refuses with a reason."""
    head, _, value = case.partition(b"\n")
    kind, key, number = json.loads(head)
    store = full_store().copy()
    store.records[SESSION][kind, key] = value
    store.drop_blobs(SESSION)
    memory = open_memory(store)
    question = QUESTIONS[number]
    for use in (
        memory.check,
        memory.stats,
        lambda: memory.recall(question or "gate"),
        lambda: memory.context(question, 300),
        lambda: [memory.read(page.id) for page in memory.pages()],
        memory.flush,
        lambda: memory.check(repair=True),
    ):
        with contextlib.suppress(*REFUSALS):
            use()
    memory.close()


# ---- exports -------------------------------------------------------------------------------------


@cache
def _export() -> bytes:
    file = _folder() / "whole.zip"
    memory = open_memory(full_store())
    memory.export(file)
    return file.read_bytes()


@cache
def _export_entries() -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(_export())) as file:
        return [(name, file.read(name)) for name in file.namelist()]


NAMES = ("../../x", "/etc/x", "page/../x.json", "turn/\0.json", "picture/9/x.png", "manifest.json")


def _make_export(rng: Random) -> bytes:
    if rng.random() < 0.4:
        return flipped(_export(), rng)
    entries = list(_export_entries())
    entries = entries[:1] + rng.sample(entries[1:], min(6, len(entries) - 1))
    i = rng.randrange(len(entries))
    name, content = entries[i]
    if rng.random() < 0.3:
        name = rng.choice((*NAMES, odd_text(rng, 4).encode("utf-8", "replace").decode()))
        name = name.split("\0")[0] or "x"  # as zipfile does, which wants a name
    elif name.endswith(".json"):
        content = odd_json(content, rng)
    else:
        content = flipped(content, rng)
    entries[i] = (name, content)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as file:
        for entry_name, entry in entries:
            file.writestr(entry_name, entry)
    return flipped(data.getvalue(), rng) if rng.random() < 0.1 else data.getvalue()


def _check_export(case: bytes) -> None:
    """Restored whole, or refused; nothing is written outside the store."""
    file = _folder() / "odd.zip"
    file.write_bytes(case)
    exported_name(file)
    memory = open_memory(DictStore(), "restored")
    restore_export(memory._archive, read_export(file))
    for use in (memory.stats, lambda: memory.recall("gate"), memory.check):
        with contextlib.suppress(*REFUSALS):
            use()


# ---- MCP -----------------------------------------------------------------------------------------

ARGUMENTS: dict[str, dict[str, Any]] = {
    "recall": {"query": "gate", "detail": "lines", "page": 1, "k": 2, "after": "2026-03-01"},
    "view_pages": {"first": 1, "last": 2},
    "context": {"query": "gate", "budget": 300},
    "plan": {"capacity": 100},
    "stats": {"session": None},
    "remember": {"content": "hello", "role": "user", "name": "Mel", "when": "2026-03-01T10:00:00"},
    "forget": {"turn": "m1", "confirm": True},
}
ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**63, 10**30, 1e308, "1", "", "m1", [], {}, ["m1"], {"a": {}}),
    *("9999-12-31", "0001-01-01", "2026-02-30", "\ud800", "\0", "x" * 5_000, "lines", "page"),
)


@cache
def _server() -> tuple[asyncio.AbstractEventLoop, MCPServer]:
    loop = asyncio.new_event_loop()
    return loop, memory_server(open_memory(full_store().copy()), any_session=True)


def _make_arguments(rng: Random) -> bytes:
    name = rng.choice(list(ARGUMENTS))
    arguments = {k: v for k, v in ARGUMENTS[name].items() if rng.random() < 0.7}
    for _ in range(rng.randint(0, 2)):
        key = rng.choice([*ARGUMENTS[name], "session", "extra"])
        arguments[key] = odd_text(rng) if rng.random() < 0.3 else rng.choice(ODD)
    return dumped([name, arguments])


def _check_arguments(case: bytes) -> None:
    name, arguments = json.loads(case)
    loop, server = _server()
    try:
        result = loop.run_until_complete(server.call_tool(name, arguments))
        result.model_dump_json()
    except ToolError as error:
        if type(error) is not ToolError and not isinstance(error.__cause__, REFUSALS):
            raise


# ---- hooks ---------------------------------------------------------------------------------------

EVENT = {
    "session_id": "s",
    "transcript_path": "",
    "hook_event_name": "UserPromptSubmit",
    "source": "compact",
    "prompt": "What was the gate code?",
}
EVENT_NAMES = ("UserPromptSubmit", "SessionStart", "PreCompact", "Stop", "Other")
LINES: list[dict[str, Any]] = [
    {"type": "user", "uuid": "1", "message": {"role": "user", "content": "The gate code is 4417."}},
    {
        "type": "assistant",
        "uuid": "2",
        "message": {"role": "assistant", "content": [{"type": "text", "text": "Noted."}]},
    },
    {"type": "system", "subtype": "compact_boundary", "uuid": "3"},
    {
        "type": "user",
        "uuid": "4",
        "timestamp": "2026-03-01T10:00:00Z",
        "message": {"role": "user", "content": "Which code?"},
    },
]


def _make_event(rng: Random) -> bytes:
    event = EVENT | {"hook_event_name": rng.choice(EVENT_NAMES)}
    lines = b"\n".join(dumped(line) for line in LINES)
    spoilt = odd_json(lines, rng) if rng.random() < 0.7 else lines
    data = odd_json(dumped(event), rng) if rng.random() < 0.5 else dumped(event)
    return data.replace(b"\n", b" ") + b"\n" + spoilt


def _check_event(case: bytes) -> None:
    """Every event is answered with JSON or with nothing, and none raises."""
    line, _, transcript = case.partition(b"\n")
    file = _folder() / "transcript.jsonl"
    file.write_bytes(transcript)
    path = dumped(str(file))
    event = line.replace(b'"transcript_path": ""', b'"transcript_path": ' + path)
    store = full_store().copy()
    try:
        answer = hook_answer(lambda session: open_memory(store, session), event)
    except REFUSALS as error:
        raise BrokenPromiseError("a hook raises") from error
    if answer and "hookSpecificOutput" not in json.loads(answer):
        raise BrokenPromiseError(answer)


# ---- the command line ----------------------------------------------------------------------------

COMMANDS = (
    *(("recall", "gate"), ("context", "gate", "--budget", "300"), ("stats",), ("check",)),
    *(
        ("inspect",),
        ("fade", "--dry-run"),
        ("forget", "--turn", "m1"),
        ("hosts",),
        ("fade", "--yes"),
    ),
    *(
        ("supersede", "m1", "m9"),
        ("remember", "FILE"),
        ("import", "FILE"),
        ("forget", "--page", "1"),
    ),
)
OPTIONS = (
    *(
        "--json",
        "--session",
        "--k",
        "--budget",
        "--mode",
        "--capacity",
        "--after",
        "--page",
        "--yes",
    ),
    *("--dry-run", "--turn", "--retain", "--keep-turns", "--help", "--repair", "--host", "--"),
)
WORDS = (
    "",
    "-1",
    "0",
    "1",
    "s",
    "[/x]",
    "\0",
    "9" * 30,
    "2026-02-30",
    "nan",
    "../x",
    "\u202e",
    "text",
)


def _make_command(rng: Random) -> bytes:
    words = list(rng.choice(COMMANDS))
    for _ in range(rng.randint(0, 3)):
        words.insert(rng.randint(0, len(words)), rng.choice((*OPTIONS, *WORDS)))
    content = odd_json(dumped([{"role": "user", "content": "hello"}]), rng)
    return dumped(words) + b"\n" + content


@cache
def _sqlite() -> str:
    """A store for commands, with the session that others spoil."""
    url = f"sqlite:///{_folder() / 'memory.db'}"
    file = _folder() / "session.zip"
    file.write_bytes(_export())
    OpticalMemory.restore(file, "default", store=url, reader=READER, background=False).close()
    return url


def _check_command(case: bytes) -> None:
    """Exit code 0, 1 or 2, and no traceback."""
    line, _, content = case.partition(b"\n")
    file = _folder() / "log.json"
    file.write_bytes(content)
    words = [str(file) if word == "FILE" else word for word in json.loads(line)]
    os.environ["OPTICAL_MEMORY_STORE"] = _sqlite()
    os.environ["OPTICAL_MEMORY_READER"] = "optical_memory.testing:TemplateReader"
    out = io.TextIOWrapper(io.BytesIO(), errors="backslashreplace")
    stdin = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(content), errors="surrogateescape")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            main(words)
    except SystemExit as end:
        if end.code not in (0, 1, 2, None):
            raise BrokenPromiseError(f"exit code {end.code}") from None
    finally:
        sys.stdin = stdin


DOORS = (
    Target("sessions", 0.002, _make_session, _check_session),
    Target("exports", 0.012, _make_export, _check_export),
    Target("mcp", 0.015, _make_arguments, _check_arguments),
    Target("hooks", 0.006, _make_event, _check_event),
    Target("commands", 0.001, _make_command, _check_command),
)
"""What a model, a host, a shell and a store give."""
