"""A session to a file and back: a zip of JSON records, PNG pictures and the search index, with a
manifest.

The file can be read without this package.
"""

from __future__ import annotations

import json
import logging
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

from optical_memory.errors import Conflict, InputError, StoreError
from optical_memory.loaders.unpacking import DAMAGED_ZIP, unpacked
from optical_memory.session.archive import Archive
from optical_memory.session.snapshot import Snapshot
from optical_memory.stores.base import Kind, Put, Version
from optical_memory.stores.protection.base import DamagedValue
from optical_memory.stores.sqlite_path import private_opener

__all__ = [
    "export",
    "exported_name",
    "read_export",
    "restore_export",
]

log = logging.getLogger("optical_memory")

EXPORT_FORMAT = 1
"""The version of the file's layout. `read_export` refuses any other."""

MANIFEST = "manifest.json"

SUFFIXES: Mapping[Kind, str] = {"picture": ".png", "index": ".bin"}
"""Endings of the names of files that hold no JSON."""


def export(archive: Archive, path: Path) -> None:
    """Write every record and picture of the session to `path`, as of one version.

    Damaged pictures and parts of the index are left out, and the log says so. Raises `StoreError`
    if a record is damaged.
    """
    for kind, key in archive.snapshot().damage:
        raise StoreError(
            f"{kind} {key!a} is damaged, so the session cannot be restored from a file: "
            "check(repair=True) first"
        )
    version = archive.store.version(archive.session)
    records, version = archive.scan(get_args(Kind), version)
    manifest = {"format": EXPORT_FORMAT, "session": archive.session, "version": version.number}
    with (
        open(path, "wb", opener=private_opener) as raw_file,
        zipfile.ZipFile(raw_file, "w", zipfile.ZIP_DEFLATED) as file,
    ):
        file.writestr(MANIFEST, json.dumps(manifest))
        for record in _sound(records):
            suffix = SUFFIXES.get(record.kind, ".json")
            file.writestr(f"{record.kind}/{record.key}{suffix}", record.value)


def _sound(records: Sequence[Put]) -> Iterator[Put]:
    """The records that are not damaged."""
    for record in records:
        if isinstance(record.value, DamagedValue):
            place = f"{record.kind} {record.key!a}"
            log.warning("%s is damaged (%s): the file lacks it", place, record.value.sentence)
        else:
            yield record


def exported_name(path: Path) -> str:
    """The name of the session in an exported file. Raises `InputError` as `read_export`."""
    with _opened(path) as file:
        return str(_manifest(path, file)["session"])


def read_export(path: Path) -> list[Put]:
    """The writes that restore a session.

    Raises `InputError` if `export` did not write the file, or a record in it does not parse.
    """
    with _opened(path) as file:
        _manifest(path, file)
        entries = [entry for entry in file.infolist() if entry.filename != MANIFEST]
        changes = [_put(entry.filename, unpacked(file, entry)) for entry in entries]
        _refuse_damage(changes)
        return changes


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as file:
            yield file
    except InputError:
        raise
    except (*DAMAGED_ZIP, KeyError, ValueError, StoreError, OSError) as error:
        raise InputError(f"{path} is not an exported session: {error}") from error


def restore_export(archive: Archive, changes: Sequence[Put]) -> None:
    """Make these writes, which begin the session. Raises `InputError` if it exists already."""
    try:
        archive.store.commit(archive.session, changes, expect=Version())
    except Conflict as error:
        raise InputError(
            f"session {archive.session!r} exists already: restore it under another name "
            "with session=…"
        ) from error


def _manifest(path: Path, file: zipfile.ZipFile) -> dict[str, Any]:
    manifest: Any = json.loads(unpacked(file, file.getinfo(MANIFEST)))
    if not isinstance(manifest, dict) or not isinstance(manifest["session"], str):
        raise InputError(f"{path} has a manifest that names no session")
    if manifest["format"] != EXPORT_FORMAT:
        raise InputError(
            f"{path} has format {manifest['format']}; this version reads format {EXPORT_FORMAT}"
        )
    return dict(manifest)


def _refuse_damage(changes: Sequence[Put]) -> None:
    """Every record must parse, or nothing is restored."""
    damage = Snapshot().after(changes, Version()).damage
    for (kind, key), problem in damage.items():
        raise StoreError(f"{kind} {key}: {problem}")


def _put(name: str, value: bytes) -> Put:
    """The write that restores a file of the zip."""
    prefix, _, rest = name.partition("/")
    for kind in get_args(Kind):
        if kind == prefix:
            return Put(kind, rest.rpartition(".")[0], value)
    raise InputError(f"{name!r} is no record of a session")
