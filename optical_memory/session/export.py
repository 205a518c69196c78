"""A session to a file and back: a zip of JSON records, PNG pictures and the search index, with a
manifest.

The file can be read without this package.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from optical_memory.errors import Conflict, InputError, KeyMismatch, StoreError
from optical_memory.loaders.unpacking import DAMAGED_ZIP, unpacked, unpacked_entries
from optical_memory.session.archive import Archive
from optical_memory.session.opening.record_places import is_key_of, refuse_misplaced
from optical_memory.session.snapshot import Snapshot
from optical_memory.stores.base import Kind, Put, Store, Version
from optical_memory.stores.encryption.encrypted_store import EncryptedStore
from optical_memory.stores.encryption.key_record import unpack_keyring
from optical_memory.stores.encryption.tenant_key import KeyService
from optical_memory.stores.protection.base import KEY_RECORD, DamagedValue
from optical_memory.stores.protection.checksums import without_sum
from optical_memory.stores.sqlite_path import whole_file
from optical_memory.telemetry.event_table import RECORD_DAMAGED
from optical_memory.telemetry.events import emit

__all__ = [
    "export",
    "exported_name",
    "read_export",
    "restore_export",
]

EXPORT_FORMAT = 1
"""The version of the file's layout. `read_export` refuses any other."""

ENCRYPTED_FORMAT = 2
"""The version of an encrypted file: its values are as the store has them, with the key record."""

MANIFEST = "manifest.json"

SUFFIXES: Mapping[Kind, str] = {"picture": ".png", "index": ".bin"}
"""Endings of the names of files that hold no JSON."""


def export(archive: Archive, path: Path, *, plain: bool = False) -> None:
    """Write every record and picture of the session to `path`, as of one version.

    A file that is there is replaced when the new file is whole and on the disk. The values of
    an encrypted session stay encrypted, unless the file shall be `plain`. Damaged pictures and
    parts of the index are left out, and the log says so. Raises `StoreError` if another record is
    damaged: nobody could restore the session then.
    """
    is_encrypted = isinstance(archive.store, EncryptedStore) and not plain
    for kind, key in archive.snapshot().damage:  # raises for a key that does not open the session
        raise StoreError(f"{kind} {key!a} is damaged: check(repair=True) first, then export")
    version = archive.store.version(archive.session)
    records, version = _all_records(archive, version, as_stored=is_encrypted)
    manifest = {
        "format": ENCRYPTED_FORMAT if is_encrypted else EXPORT_FORMAT,
        "session": archive.session,
        "version": version.number,
    }
    with (
        whole_file(path) as raw_file,
        zipfile.ZipFile(raw_file, "w", zipfile.ZIP_DEFLATED) as file,
    ):
        file.writestr(MANIFEST, json.dumps(manifest))
        for record in _sound(archive, records):
            suffix = ".sealed" if is_encrypted else SUFFIXES.get(record.kind, ".json")
            file.writestr(f"{record.kind}/{record.key}{suffix}", record.value)


def _sound(archive: Archive, records: Iterable[Put]) -> Iterator[Put]:
    """The records that can be restored: whole, and under a key of their kind."""
    for record in records:
        reason = ""
        if isinstance(record.value, DamagedValue):
            reason = record.value.sentence
        elif not is_key_of(record.kind, record.key):
            reason = "no record has such a key"
        if not reason:
            yield record
            continue
        emit(
            RECORD_DAMAGED,
            session=archive.session,
            kind=record.kind,
            key=ascii(record.key),
            reason=reason,
        )


def _all_records(
    archive: Archive, version: Version, *, as_stored: bool
) -> tuple[list[Put], Version]:
    """All records as of one version, and that version.

    `version` is the session's present version. Reads again if a writer came between. The values
    are protected still if they shall be `as_stored`.
    """
    store: Store = archive.raw_store if as_stored else archive.store
    while True:
        records: list[Put] = []
        for kind in get_args(Kind):
            items = store.scan(archive.session, kind)
            records += [Put(kind, key, without_sum(value)) for key, value in items]
        version_after = store.version(archive.session)
        if version_after == version:
            return records, version
        version = version_after


def exported_name(path: Path) -> str:
    """The name of the session in an exported file. Raises `InputError` as `read_export`."""
    with _opened(path) as file:
        return str(_manifest(path, file)["session"])


def read_export(path: Path, key: KeyService | None = None) -> list[Put]:
    """The writes that restore a session, decrypted if the file is encrypted.

    Raises `InputError` if `export` did not write the file, or a record in it does not parse, and
    `KeyMismatch` if `key` does not open it.
    """
    with _opened(path) as file:
        manifest = _manifest(path, file)
        changes = [_put(*entry) for entry in unpacked_entries(path, file, [MANIFEST])]
        if manifest["format"] == ENCRYPTED_FORMAT:
            changes = _decrypted(path, manifest["session"], changes, key)
        elif any((change.kind, change.key) == KEY_RECORD for change in changes):
            raise InputError(f"{path} has a key and is not encrypted: it was changed")
        refuse_misplaced(changes)
        _refuse_damage(changes)
        return changes


def _decrypted(
    path: Path, session: str, changes: Sequence[Put], key: KeyService | None
) -> list[Put]:
    """The writes with their values decrypted. Raises `KeyMismatch`, and `StoreError` at damage."""
    if key is None:
        raise KeyMismatch(f"{path} is encrypted: give its key (key=…)")
    records = {(change.kind, change.key): change for change in changes}
    key_record = records.pop(KEY_RECORD, None)
    if key_record is None:
        raise KeyMismatch(f"{path} has no key record: nobody can read it")
    keyring = unpack_keyring(session, key_record.value, key)
    return [
        replace(change, value=keyring.decrypt(change.kind, change.key, change.value))
        for change in records.values()
    ]


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as file:
            yield file
    except (InputError, KeyMismatch):
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
    number = manifest["format"]
    if number not in (EXPORT_FORMAT, ENCRYPTED_FORMAT):
        shown = number if isinstance(number, int) else "that is no number"
        raise InputError(
            f"{path} has a format {shown}; "
            f"this version reads formats {EXPORT_FORMAT} and {ENCRYPTED_FORMAT}"
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
    raise InputError(f"{name[:80]!r} is no record of a session")
