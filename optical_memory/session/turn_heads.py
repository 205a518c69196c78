"""Heads of records: the few fields of turns and pages by which a session is put in order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from optical_memory.errors import StoreError
from optical_memory.session.maps.page_parts import turns_from_json
from optical_memory.session.maps.strict_json import REFUSALS, strict_decoder
from optical_memory.session.records import (
    SCHEMA,
    PageRecord,
    TurnRecord,
    load_record,
    page_key,
)

__all__ = [
    "EDIT_OF",
    "MarkChanges",
    "TurnHead",
    "check_page",
    "ids_with_ordinals",
    "plain_turn_heads",
    "require_key",
    "turn_head",
    "turn_id",
]

EDIT_OF = re.compile(r"(.+)~(?:[2-9]|[1-9]\d+)", re.DOTALL)
"""The spelling of an edit's id: the id of the first version, and a number from 2."""


class TurnHead(msgspec.Struct, gc=False, kw_only=True):
    """The fields of a turn's record by which a session is put in order."""

    v: int = 1
    id: str
    ordinal: int
    sealed: bool = False
    forgotten: bool = False
    host_id: str | None = None
    superseded_by: str | None = None
    tombstone: str | None = None

    @property
    def is_odd(self) -> bool:
        """True for a turn with more to note than its id, such as a host's id beside ours."""
        return bool(self.host_id or self.superseded_by or self.tombstone or "~" in self.id)


_TURN = strict_decoder(TurnRecord, TurnHead)


def plain_turn_heads(records: Iterable[bytes]) -> Iterator[TurnHead | None]:
    """The heads of turns' records; None if `turn_head` must decide, which knows all errors."""
    decode = _TURN.decode
    for data in records:
        try:
            head: TurnHead = decode(data)
        except REFUSALS:
            yield None
            continue
        yield head if head.v <= SCHEMA else None


def turn_head(data: bytes) -> TurnHead:
    """The head of a turn's record. Raises as `load_record`."""
    (head,) = plain_turn_heads([data])
    return head or msgspec.convert(load_record(TurnRecord, data), TurnHead, from_attributes=True)


def turn_id(data: bytes) -> str:
    """The id in a turn's record. Raises as `load_record`."""
    return turn_head(data).id


def require_key(key: str, true_key: str) -> None:
    """Raises `StoreError` if a record does not stand under its own key."""
    if key != true_key:
        raise StoreError("it stands under a key that is not its own")


_PAGE = strict_decoder(PageRecord)


def check_page(key: str, data: bytes) -> None:
    """Raises as `load_record` if these bytes are no record of a page, and as `require_key`."""
    with suppress(*REFUSALS):
        data.decode()  # msgspec does not look at text that it skips
        page = _PAGE.decode(data)
        if page.v <= SCHEMA and page.id == key:
            require_key(key, page_key(page.ordinal))
            return
    record = load_record(PageRecord, data)
    require_key(key, record.id)
    require_key(key, page_key(record.ordinal))


def ids_with_ordinals(page: PageRecord) -> tuple[tuple[str, int], ...]:
    """The id and the ordinal of each turn on a page; none if its layout does not parse."""
    try:
        turns = turns_from_json(page.layout) if page.layout is not None else []
    except (LookupError, *REFUSALS):
        return ()
    return tuple((turn.turn, turn.ordinal) for turn in turns)


@dataclass(frozen=True, slots=True)
class MarkChanges:
    """What changes in a session's ids and in the marks of its turns; None removes.

    The fields are those of `Snapshot` with the same names.
    """

    keys: dict[str, str | None] = field(default_factory=dict)
    host_ids: dict[str, str | None] = field(default_factory=dict)
    superseded: dict[str, str | None] = field(default_factory=dict)
    tombstones: dict[str, str | None] = field(default_factory=dict)

    def drop(self, head: TurnHead, key: str) -> None:
        """Take away the id and the marks of the turn that the key had."""
        self.keys[head.id] = None
        if head.superseded_by:
            self.superseded[key] = None
        if head.tombstone:
            self.tombstones[head.tombstone] = None

    def note(self, head: TurnHead, key: str) -> None:
        """Note the id and the marks of the turn that the key has."""
        self.keys[head.id] = key
        if head.superseded_by and not head.forgotten:
            self.superseded[key] = head.superseded_by
        if head.tombstone:
            self.tombstones[head.tombstone] = key
