"""Whole places of conversations: a folder, a zip file, or where a program keeps its sessions."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import LoadedFile
from optical_memory.loaders.detect import load_bytes, load_file
from optical_memory.loaders.unpacking import unpacked

__all__ = [
    "PROGRAMS",
    "File",
    "files_in",
]

ENDINGS = frozenset(
    {".csv", ".html", ".json", ".jsonl", ".log", ".md", ".ndjson", ".traj", ".tsv", ".txt"}
)
"""Files of a folder or zip file that may be conversations. A file that is named alone may have any
name.
"""

PASSED_OVER = frozenset({".git", "__MACOSX", "node_modules", "__pycache__"})
"""Folders in which no program keeps conversations."""

MAX_TOTAL_BYTES = 8 << 30
"""Of all files in a zip file, unpacked."""


class File(NamedTuple):
    """A file of a place: its name there, and a function that loads it."""

    name: str
    load: Callable[[], LoadedFile]


def _home(variable: str, default: str, *parts: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / default).joinpath(*parts)


PROGRAMS: Mapping[str, Callable[[], Path]] = {
    "claude-code": lambda: _home("CLAUDE_CONFIG_DIR", ".claude", "projects"),
    "codex": lambda: _home("CODEX_HOME", ".codex", "sessions"),
    "gemini-cli": lambda: _home("GEMINI_CLI_HOME", "", ".gemini", "tmp"),
}
"""Where programs keep their sessions on this machine. The variables are the programs' own."""


def files_in(place: str) -> Iterator[File]:
    """The files of a place that may be conversations, in the order of their names.

    `place` is a name of `PROGRAMS`, or the path of a folder, a zip file or any other file. Raises
    `InputError` if it is not there, or if a zip file is damaged, encrypted or too large.
    """
    path = PROGRAMS[place]() if place in PROGRAMS and not Path(place).exists() else Path(place)
    if path.is_dir():
        yield from _files_of_folder(path)
    elif not path.exists():
        programs = ", ".join(PROGRAMS)
        raise InputError(f"{path}: no such file or folder; programs that we know are {programs}")
    elif zipfile.is_zipfile(path):
        yield from _files_of_zip(path)
    else:
        yield File(path.name, partial(load_file, path, keep_evidence_ids=False))


def _files_of_folder(folder: Path) -> Iterator[File]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if _may_be_conversation(PurePosixPath(name.as_posix())) and path.is_file():
            yield File(name.as_posix(), partial(load_file, path, keep_evidence_ids=False))


def _may_be_conversation(name: PurePosixPath) -> bool:
    return name.suffix.lower() in ENDINGS and PASSED_OVER.isdisjoint(name.parts)


# ---- zip files -----------------------------------------------------------------------------------


def _files_of_zip(path: Path) -> Iterator[File]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _require_bounds(path, entries)
            for entry in sorted(entries, key=lambda entry: entry.filename):
                if _may_be_conversation(PurePosixPath(entry.filename)):
                    yield File(entry.filename, partial(_load_entry, archive, path, entry))
    except zipfile.BadZipFile as error:
        raise InputError(f"{path}: a damaged zip file: {error}; download it again") from error


def _require_bounds(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    total = sum(entry.file_size for entry in entries)
    if total > MAX_TOTAL_BYTES:
        raise InputError(
            f"{path}: {total:,} bytes unpacked, more than {MAX_TOTAL_BYTES:,}; unpack it and "
            "import the folder"
        )


def _load_entry(archive: zipfile.ZipFile, path: Path, entry: zipfile.ZipInfo) -> LoadedFile:
    """A file of an open zip file, loaded in memory alone.

    Raises `InputError` if it is too large, encrypted, damaged or no conversation.
    """
    data = unpacked(archive, entry)
    return load_bytes(path / entry.filename, data, keep_evidence_ids=False)
