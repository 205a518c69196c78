"""The record of a session that holds its data keys, wrapped by the tenant's key.

It is JSON. It stands beside the session's own record, as a record of a schema that programs without
encryption refuse: they raise `NewerFormat` and mend nothing. Whoever changes a byte of it needs the
data key to make the code that goes with it (`mac`).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from optical_memory.errors import KeyMismatch, NewerFormat, StoreError, StoreTimeout
from optical_memory.stores.daemons import start
from optical_memory.stores.encryption.cipher import ALGORITHM, ID_BYTES, KEY_BYTES
from optical_memory.stores.encryption.keyring import DataKey, Keyring
from optical_memory.stores.encryption.tenant_key import KeyService, TenantKey
from optical_memory.stores.turn_time import require_time, spend

__all__ = [
    "pack_keyring",
    "repacked_keyring",
    "unpack_keyring",
]

T = TypeVar("T")

SCHEMA: Final = 7
"""The first schema of records that knows encryption (`session.records.SCHEMA`)."""

SERVICE_SECONDS: Final = 10.0
"""So long a key service may take outside of a turn; a turn waits no longer than it may."""


class _WrappedKey(BaseModel):
    """A data key, wrapped by the tenant's key of this id."""

    model_config = ConfigDict(extra="forbid")
    id: str  # of the data key, in hex digits
    algorithm: str
    tenant_key: str
    wrapped: str  # base64


class _KeyRecord(BaseModel):
    model_config = ConfigDict(extra="forbid")
    v: int = SCHEMA
    data_keys: list[_WrappedKey]
    accepts_plain: bool = False
    mac: str = ""

    def authenticated_bytes(self) -> bytes:
        return self.model_copy(update={"mac": ""}).model_dump_json().encode()


class _AnyRecord(BaseModel):
    v: int


def pack_keyring(keyring: Keyring, service: KeyService) -> bytes:
    """The record's bytes, with each data key wrapped by the tenant's key. Raises `StoreError`."""
    record = _KeyRecord(
        data_keys=[
            _WrappedKey(
                id=key.id.hex(),
                algorithm=ALGORITHM,
                tenant_key=service.id,
                wrapped=base64.b64encode(_wrap(service, key)).decode("ascii"),
            )
            for key in keyring.keys
        ],
        accepts_plain=keyring.accepts_plain,
    )
    mac = keyring.current.mac(record.authenticated_bytes())
    return record.model_copy(update={"mac": mac}).model_dump_json().encode()


def unpack_keyring(session: str, data: bytes, service: KeyService) -> Keyring:
    """The data keys in a session's record.

    Raises `KeyMismatch` if another tenant's key wrapped them or the record was changed, and
    `NewerFormat` if a newer version of this package wrote it.
    """
    record = _parse(session, data)
    ids = {key.tenant_key for key in record.data_keys}
    if ids != {service.id}:
        raise KeyMismatch(
            f"session {session!r} is encrypted under the tenant's key {', '.join(sorted(ids))}; "
            f"the key given is {service.id}"
        )
    keys = [_unwrap(session, service, key) for key in record.data_keys]
    keyring = _keyring(session, record, keys)
    if keyring is None:
        raise _changed(session)
    return keyring


def repacked_keyring(known: Keyring, data: bytes) -> Keyring | None:
    """The keyring in a new record that has data keys of a known keyring, and no other.

    None if it has others, or was changed by somebody who does not have them. Raises as
    `unpack_keyring`.
    """
    record = _parse(known.session, data)
    keys_by_id = {key.id.hex(): key for key in known.keys}
    keys = [keys_by_id[key.id] for key in record.data_keys if key.id in keys_by_id]
    return _keyring(known.session, record, keys) if len(keys) == len(record.data_keys) else None


def _keyring(session: str, record: _KeyRecord, keys: Sequence[DataKey]) -> Keyring | None:
    """The keyring of a record; None if the record's code is not that of its first data key."""
    keyring = Keyring(session, keys, accepts_plain=record.accepts_plain)
    code = keyring.current.mac(record.authenticated_bytes())
    is_whole = hmac.compare_digest(code.encode(), record.mac.encode())
    return keyring if is_whole else None


def _parse(session: str, data: bytes) -> _KeyRecord:
    try:
        record = _KeyRecord.model_validate_json(data)
    except ValidationError:
        record = None
    if record is None:
        _refuse_newer(session, data)
        raise _changed(session)
    if record.v > SCHEMA or {key.algorithm for key in record.data_keys} - {ALGORITHM}:
        raise _newer(session)
    if not record.data_keys:
        raise _changed(session)
    return record


def _refuse_newer(session: str, data: bytes) -> None:
    try:
        schema = _AnyRecord.model_validate_json(data).v
    except ValidationError:
        return
    if schema > SCHEMA:
        raise _newer(session)


def _newer(session: str) -> NewerFormat:
    return NewerFormat(
        f"a newer version encrypted session {session!r}, or its key record was changed; "
        "upgrade optical-memory"
    )


def _changed(session: str) -> KeyMismatch:
    return KeyMismatch(
        f"the key record of session {session!r} is damaged or was changed; "
        "nothing can be read without it: restore it from a backup"
    )


def _wrap(service: KeyService, key: DataKey) -> bytes:
    return _ask(service, lambda: service.wrap(key.secret))


def _unwrap(session: str, service: KeyService, key: _WrappedKey) -> DataKey:
    try:
        id = bytes.fromhex(key.id)
        wrapped = base64.b64decode(key.wrapped, validate=True)
    except (ValueError, binascii.Error):
        raise _changed(session) from None
    try:
        secret = _ask(service, lambda: service.unwrap(wrapped))
    except KeyMismatch:
        raise _changed(session) from None
    if len(id) != ID_BYTES or not isinstance(secret, bytes) or len(secret) != KEY_BYTES:
        raise _changed(session)
    return DataKey(id, secret)


def _ask(service: KeyService, work: Callable[[], T]) -> T:
    """The answer of a tenant's key or a key service. Raises `StoreError` whatever it raises.

    A service may hang or raise any error, so a thread asks it, and its error is a cause of ours.
    """
    if isinstance(service, TenantKey):
        return work()
    turn_seconds = require_time()
    seconds = SERVICE_SECONDS if turn_seconds is None else turn_seconds
    outcome = start(work)
    spent = wait([outcome], seconds)
    if not spent.done:
        spend(seconds)
        raise StoreTimeout(f"the key service {service.id!r} did not answer in time")
    error = outcome.exception()
    if error is None:
        return outcome.result()
    raise StoreError(f"the key service {service.id!r} failed: {type(error).__name__}") from error
