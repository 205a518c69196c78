"""The report of bulk work: one JSON line for each session as it is done, appended to a file that a
later run reads.

A process that is killed leaves at most one torn line; it is passed over, and the next run starts a
line of its own.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, get_type_hints

from optical_memory.errors import InputError
from optical_memory.stores.base import BLOB_TTL

__all__ = ["SessionReport", "appending", "finished"]


@dataclass(frozen=True, slots=True)
class SessionReport:
    """What was done with one session: `done` of its `pages` were encoded (at each rung), certified
    or faded.

    `job` names the work, the reader and the settings; `version` is the session's when all was done
    (0 if it failed), `at` is Unix time, `error` what went wrong. A `skipped` session was done by an
    earlier run and is as it was then.
    """

    job: str
    session: str
    version: int
    pages: int
    done: int
    seconds: float
    at: float
    error: str | None = None
    skipped: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def again(self) -> SessionReport:
        """The report for a run that finds the session done."""
        return replace(self, done=0, seconds=0.0, skipped=True)


# Checked by hand: pydantic takes no lone surrogates, which a session's name may have.
_TYPES = {
    name: int | float if kind is float else kind
    for name, kind in get_type_hints(SessionReport).items()
}


def finished(path: Path, job: str, now: float | None = None) -> dict[str, SessionReport]:
    """By session, the last line of the file about this job, where that is no failure and younger
    than cached tokens.

    Raises `InputError` for a file that cannot be read.
    """
    oldest = (time.time() if now is None else now) - BLOB_TTL
    found: dict[str, SessionReport] = {}
    for line in _lines(path):
        report = _parsed(line)
        if report is not None and report.job == job:
            found[report.session] = report
    return {s: report for s, report in found.items() if report.error is None and report.at > oldest}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"the report {path} cannot be read: {error}") from error


def _parsed(line: str) -> SessionReport | None:
    """None for a line that is torn or not ours."""
    try:
        values = json.loads(line)
        report = SessionReport(**{name: value for name, value in values.items() if name in _TYPES})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return (
        report
        if all(isinstance(getattr(report, name), kind) for name, kind in _TYPES.items())
        else None
    )


@contextmanager
def appending(path: Path | None) -> Iterator[Callable[[SessionReport], None]]:
    """Gives what writes a report's line, at once and whole; with no path it writes nowhere.

    Raises `InputError` where the file cannot be written.
    """
    if path is None:
        yield lambda report: None
        return
    with _named(path):
        file = path.open("a+b")
    with file:
        with _named(path):
            if file.tell() and not _ends_a_line(file):
                file.write(b"\n")  # after a torn line
        yield lambda report: _write(path, file, report)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"the report {path} cannot be written: {error}") from error


def _ends_a_line(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _write(path: Path, file: BinaryIO, report: SessionReport) -> None:
    with _named(path):
        file.write((json.dumps(report.to_json(), allow_nan=False) + "\n").encode())
        file.flush()
