"""The command line, `optical-memory`: one module for each group of commands, none of which loads a
model for --help.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from optical_memory import __version__
from optical_memory.cli import bulk, readers
from optical_memory.cli import converse as remembering
from optical_memory.cli import measure as measuring
from optical_memory.cli import tend as tending
from optical_memory.errors import Forgotten, OpticalMemoryError

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A memory for LLM agents that keeps old conversation as pictures of text, and measures what it forgets.",
)
evaluations = typer.Typer(no_args_is_help=True, help="Measure on files of your own.")

app.command()(measuring.demo)
app.command()(remembering.remember)
app.command()(remembering.recall)
app.command()(remembering.context)
app.command()(tending.fade)
app.command()(tending.inspect)
app.command()(tending.stats)
app.command()(tending.check)
app.command()(tending.forget)
app.command()(measuring.bench)
app.add_typer(evaluations, name="eval")
evaluations.command()(measuring.fidelity)
evaluations.command()(measuring.identifiers)
app.add_typer(readers.app, name="readers")
app.add_typer(bulk.app, name="bulk")


def _tell_version(wanted: bool) -> None:
    if wanted:
        print(f"optical-memory {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_tell_version, is_eager=True, help="Tell the version and exit."
        ),
    ] = False,
) -> None:
    """Options of the command as a whole; `eval` stays a group of its own."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 it failed (one line on stderr says why), 2 it was called
    wrongly.
    """
    os.environ.setdefault(
        "HF_HUB_DISABLE_PROGRESS_BARS", "1"
    )  # transformers' bar for loading weights
    try:
        app(args=None if arguments is None else list(arguments), prog_name="optical-memory")
    except (OpticalMemoryError, Forgotten) as error:
        print(f"optical-memory: {error}", file=sys.stderr)
        sys.exit(1)
