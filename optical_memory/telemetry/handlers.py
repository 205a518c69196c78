"""Where the log of a command goes: to standard error, as words or as lines of JSON.

The library calls nothing of this; a program of its own, such as the command line, does.
"""

from __future__ import annotations

import logging
import sys
from typing import Final

from optical_memory.telemetry.events import LOGGER
from optical_memory.telemetry.json_lines import JsonFormatter

__all__ = [
    "ROOT",
    "log_to_stderr",
]

ROOT: Final = ""
"""The name of the logger of everything, other libraries too."""

_handlers: dict[str, logging.Handler] = {}  # of the loggers that have a handler of ours, by name


def log_to_stderr(logger: str = LOGGER, *, as_json: bool, replaces: bool = False) -> None:
    """Write warnings to standard error, unless the program has handlers of its own for them.

    With `as_json` or `replaces` that is not asked. A second call takes the place of the first.
    """
    for name in list(_handlers):
        logging.getLogger(name).removeHandler(_handlers.pop(name))
    if logging.getLogger().handlers and not (as_json or replaces):
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    if as_json:
        handler.setFormatter(JsonFormatter())
    logging.getLogger(logger).addHandler(handler)
    _handlers[logger] = handler
