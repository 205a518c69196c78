"""A formatter that writes each record of a log as a line of JSON.

The standard library has none. A package would be one more thing to install for the hook of a coding
agent, which shall start at once, and would do no more than these lines.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

__all__ = ["JsonFormatter"]

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""Attributes that every record has; all others are fields of the event."""


class JsonFormatter(logging.Formatter):
    """`time`, `level`, `logger`, `message`, then the fields of the event; one line, ASCII.

    An error that was logged with its traceback gives the type as `error_type`, and nothing else:
    its words and the lines of code around it may have text of a turn.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error_type"] = record.exc_info[0].__name__
        line |= {name: value for name, value in vars(record).items() if name not in _OWN}
        return json.dumps(line, default=str)
