"""The command `hook`: answers an event of a coding agent, and never breaks its session."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from optical_memory.agents.hooks.relay import NOW
from optical_memory.cli.options import (
    KeyFile,
    LogJson,
    ReaderName,
    Secrets,
    StoreUrl,
    key_from_options,
    redact_of,
)
from optical_memory.memory import OpticalMemory
from optical_memory.telemetry.handlers import log_to_stderr

__all__ = [
    "hook",
]

PREFIX = "claude-code/"
"""Sessions of coding agents begin with it, so that they are told from others."""


def hook(
    name: Annotated[
        str | None, typer.Argument(help="The event, if its JSON tells no name.")
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(
            "--session", help="The session; without it a session for each of the agent's."
        ),
    ] = None,
    secrets: Secrets = "off",
    store: StoreUrl = None,
    key_file: KeyFile = None,
    reader: ReaderName = "pocket",
    waits: Annotated[
        bool, typer.Option(NOW, help="Keep the transcript before the command ends, not after it.")
    ] = False,
    log_json: LogJson = False,
) -> None:
    """Answer a hook event on standard input: Claude Code's, or one of the same form.

    An event that wants no answer is kept in the background, so that the agent need not wait.
    """
    from optical_memory.agents.hooks.answers import hook_answer

    log_to_stderr(as_json=log_json, replaces=True)

    def open_memory(id: str) -> OpticalMemory:
        name = session or f"{PREFIX}{id}"
        return OpticalMemory(
            name,
            store=store,
            reader=reader,
            key=key_from_options(key_file),
            redact=redact_of(secrets),
            background=False,
        )

    answer = hook_answer(open_memory, sys.stdin.buffer.read(), name)
    if answer:
        print(answer)
