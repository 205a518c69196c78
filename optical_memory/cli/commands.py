"""All commands of `optical-memory`, and how they are run."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated

import typer

from optical_memory import __version__
from optical_memory.cli import (
    bench,
    bulk,
    converse,
    demo,
    doctor,
    evaluations,
    hook,
    hosts,
    inspect,
    mcp,
    readers,
)
from optical_memory.cli.doors import importing, key, remember
from optical_memory.cli.options import LogJson
from optical_memory.cli.tending import fade, tend
from optical_memory.errors import Forgotten, OpticalMemoryError
from optical_memory.quoting.unseen import for_terminal
from optical_memory.readers.threads import wait_passively
from optical_memory.telemetry.handlers import log_to_stderr

__all__ = [
    "app",
    "run",
]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A memory for LLM agents that keeps old conversation as pictures of text, "
    "and measures what it forgets.",
)

app.command()(demo.demo)
app.command()(remember.remember)
app.command("import")(importing.import_place)
app.command()(converse.recall)
app.command()(converse.context)
app.command()(fade.fade)
app.command()(inspect.inspect)
app.command()(tend.stats)
app.command()(tend.check)
app.command()(tend.forget)
app.command()(tend.supersede)
app.command()(doctor.doctor)
app.command()(mcp.mcp)
app.command()(hook.hook)
app.command()(bench.bench)
app.command()(hosts.hosts)
app.add_typer(evaluations.app, name="eval")
app.add_typer(readers.app, name="readers")
app.add_typer(bulk.app, name="bulk")
app.add_typer(key.app, name="key")


def _show_version(asks: bool) -> None:
    if asks:
        print(f"optical-memory {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Tell the version and exit."
        ),
    ] = False,
    log_json: LogJson = False,
) -> None:
    """Options of the command as a whole; `eval` stays a group of its own."""
    log_to_stderr(as_json=log_json)


def run(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit, as `optical_memory.cli.main` says."""
    wait_passively()  # before any command loads torch
    _open_streams()
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # transformers, loading weights
    try:
        app(args=None if arguments is None else list(arguments), prog_name="optical-memory")
    except (OpticalMemoryError, Forgotten, OSError) as error:  # of the system: a full disk, say
        print(for_terminal(f"optical-memory: {error}"), file=sys.stderr)
        sys.exit(1)


def _open_streams() -> None:
    """Signs that the terminal's encoding does not have become escapes. A closed input is empty."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - as long as the program
