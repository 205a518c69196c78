"""The command line, `optical-memory`: a module for each group of commands.

No command loads a model for --help, and the command `hook` loads as little as it can.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optical_memory.agents.hooks.relay import has_relayed
from optical_memory.lazy import load_lazily

if TYPE_CHECKING:
    from optical_memory.cli.commands import app

__all__ = [
    "app",
    "main",
]

_LAZY = {"app": "optical_memory.cli.commands"}

if not TYPE_CHECKING:  # type checkers see the imports above, and a misspelt name stays an error
    __getattr__ = load_lazily(__name__, _LAZY)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit.

    The exit code is 0 if the command did its work. It is 1 if the command failed (a line on stderr
    says why), and 2 if it was called wrongly.
    """
    is_hook = arguments is None and sys.argv[1:2] == ["hook"]
    if is_hook and has_relayed(sys.argv[2:]):
        return
    from optical_memory.cli.commands import run

    run(arguments)
