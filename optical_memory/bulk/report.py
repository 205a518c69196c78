"""The report of bulk work: one JSON line a session, appended to a file that a later run reads.

A process that is killed leaves at most one torn line. Readers skip it, and the next run starts a
new line.
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
from optical_memory.stores.base import BLOB_TTL, Version
from optical_memory.stores.private_files import open_private

__all__ = [
    "SessionReport",
    "append_to",
    "finished_sessions",
]


@dataclass(frozen=True, slots=True)
class SessionReport:
    """The work on a session: `done` of its `pages` were encoded (at each rung), certified or faded.

    `job` names the work, the reader and the settings. `version` and `epoch` are the session's when
    all was done (0 and "" if the work failed). `at` is Unix time, `error` is the failure in words.
    A `skipped` session was done by an earlier run and has not changed since.
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
    epoch: str = ""  # lines of older programs have none

    def is_of(self, version: Version) -> bool:
        """True if the session was at this version when its work was done."""
        return (self.epoch, self.version) == (version.epoch, version.number)

    def to_json(self) -> dict[str, Any]:
        """The fields of a line."""
        return asdict(self)

    def again(self) -> SessionReport:
        """The report for a later run, which does nothing with the session."""
        return replace(self, done=0, seconds=0.0, skipped=True)


# Checked by hand: pydantic refuses lone surrogates, which the name of a session may have.
_TYPES = {
    name: int | float if kind is float else kind
    for name, kind in get_type_hints(SessionReport).items()
}


def finished_sessions(path: Path, job: str) -> dict[str, SessionReport]:
    """The last line of each session about this job, if it is no failure.

    A line that is older than cached tokens live does not count: the tokens may be gone. Raises
    `InputError` if the file cannot be read.
    """
    oldest = time.time() - BLOB_TTL
    reports: dict[str, SessionReport] = {}
    for line in _lines(path):
        report = _parse(line)
        if report is not None and report.job == job:
            reports[report.session] = report
    return {
        session: report
        for session, report in reports.items()
        if report.error is None and report.at > oldest
    }


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"the report {path} cannot be read: {error}") from error


def _parse(line: str) -> SessionReport | None:
    """None for a line that is torn or not ours."""
    try:
        values = json.loads(line)
        report = SessionReport(**{name: values[name] for name in _TYPES if name in values})
    except (ValueError, TypeError, RecursionError):
        return None
    is_valid = all(isinstance(getattr(report, name), kind) for name, kind in _TYPES.items())
    return report if is_valid else None


@contextmanager
def append_to(path: Path | None) -> Iterator[Callable[[SessionReport], None]]:
    """Gives a function that writes a report's line, at once and whole.

    Without a path it does nothing. Raises `InputError` if the file cannot be written.
    """
    if path is None:
        yield lambda report: None
        return
    with _named_errors(path):
        file = open_private(path, "a+b")
    with file:
        with _named_errors(path):
            if file.tell() and not _ends_with_newline(file):
                file.write(b"\n")  # after a torn line
        yield lambda report: _write(path, file, report)


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"the report {path} cannot be written: {error}") from error


def _ends_with_newline(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _write(path: Path, file: BinaryIO, report: SessionReport) -> None:
    line = json.dumps(report.to_json(), allow_nan=False) + "\n"
    with _named_errors(path):
        file.write(line.encode())
        file.flush()
