"""The first stage of the command `hook`: an event that wants no answer goes on in the background.

A host waits for its hooks. Loading what a memory needs takes half a second, so a process of its own
does that, and the host goes on. This module loads nothing but Python's own.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

__all__ = [
    "NOW",
    "has_relayed",
    "read_event",
]

NOW = "--now"
"""The option of the second stage, and of whoever wants to wait."""

QUIET_EVENTS = ("PreCompact", "Stop", "SessionEnd")
"""Events that keep the transcript and are answered by nothing."""

EVENTS = (*QUIET_EVENTS, "SessionStart", "UserPromptSubmit")
"""All events that are looked at."""

COMPACTION_MARKS = (b"compact_boundary", b"isCompactSummary")
"""Words of the lines that a host writes when it compacts. Before, all of it is in view."""

CHUNK_BYTES = 1 << 20

FULL_RUN = ("--help", NOW)
"""Options with which the command runs as it is."""


def has_relayed(arguments: Sequence[str]) -> bool:
    """True if the event on standard input needs nothing more here.

    Else the event can be read from standard input again. `arguments` are those of the command.
    """
    if sys.stdin is None or sys.stdin.isatty() or any(word in FULL_RUN for word in arguments):
        return False
    data = sys.stdin.buffer.read()
    sys.stdin = io.TextIOWrapper(io.BytesIO(data))
    event = read_event(data)
    name = event.get("hook_event_name")
    if not isinstance(name, str):
        return False
    if name not in EVENTS or (name == "SessionStart" and event.get("source") != "compact"):
        return True
    if not _is_quiet(event):
        return False
    command = [sys.executable, "-P", "-m", "optical_memory.cli", "hook", *arguments, NOW]
    try:
        _start(command, data)
    except OSError:  # no more processes: this one does it
        return False
    return True


def read_event(data: bytes | str) -> dict[str, Any]:
    """The event in a JSON object; empty if it is none."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _is_quiet(event: dict[str, Any]) -> bool:
    """True if the event only keeps the transcript."""
    name = event.get("hook_event_name")
    if name == "UserPromptSubmit":
        return not _was_compacted(event.get("transcript_path"))
    return name in QUIET_EVENTS


def _was_compacted(path: object) -> bool:
    """True if the transcript may have been compacted, or cannot be read."""
    if not isinstance(path, str) or not path:
        return False
    end = b""
    try:
        file = Path(path).expanduser()
        if not file.is_file():  # a pipe would block
            return False
        with file.open("rb") as lines:
            for chunk in iter(partial(lines.read, CHUNK_BYTES), b""):
                if any(mark in end + chunk for mark in COMPACTION_MARKS):
                    return True
                end = chunk[-max(map(len, COMPACTION_MARKS)) :]
    except (OSError, ValueError, RuntimeError):
        return True
    return False


def _start(command: Sequence[str], data: bytes) -> None:
    """Start a process that outlives this one, with the event on its standard input."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdin is not None
    with process.stdin as pipe:
        pipe.write(data)
