"""Records that do not parse, and parts of a page's record that do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optical_memory.errors import NewerFormat, StoreError
from optical_memory.session.archive import Archive
from optical_memory.session.checking.problem import Problem
from optical_memory.session.facts.stubs import forgotten_page
from optical_memory.session.opening.losses import forgotten_turn
from optical_memory.session.records import (
    PageRecord,
    Record,
    SessionRecord,
    load_record,
    page_key,
    put,
    turn_key,
)
from optical_memory.session.snapshot import RECORD_KINDS, Change, Snapshot
from optical_memory.session.stored_page import StoredPage, certificate_of
from optical_memory.stores.base import Delete, Kind, record_keys

__all__ = ["record_problems"]


def record_problems(archive: Archive) -> Iterator[Problem]:
    """Records that do not parse. A record that says "forgotten" takes the place of each."""
    for kind, record_type in RECORD_KINDS.items():
        for key, value in archive.store.scan(archive.session, kind):
            try:
                yield from _damaged_parts(load_record(record_type, value))
            except NewerFormat:
                raise
            except StoreError as error:
                sentence = (
                    f"{kind} {key} is damaged ({str(error).splitlines()[0]}); "
                    "repair marks everything in it as forgotten"
                )
                yield Problem(sentence, tuple(_stand_ins(archive, kind, key)))


def _damaged_parts(record: Record) -> Iterator[Problem]:
    """Parts of a page's record that do not parse."""
    if not isinstance(record, PageRecord):
        return
    unproven = record.model_copy(update={"certificate": None})
    try:
        certificate_of(record)
    except NewerFormat:
        raise
    except StoreError as error:
        sentence = f"{error}; repair drops it: the page then reads as reconstructed"
        yield Problem(sentence, (put(unproven),))
    try:
        StoredPage.of(unproven, Snapshot())
    except NewerFormat:
        raise
    except StoreError as error:
        # Without layout or ledger nothing on the page can be placed.
        sentence = f"{error}; repair marks the page as forgotten"
        yield Problem(sentence, (put(forgotten_page(record)),))


def _stand_ins(archive: Archive, kind: Kind, key: str) -> list[Change]:
    """The writes that take a damaged record away, and put in its place that it is forgotten.

    A record under a key that no record has is removed. A session's record takes the index with it:
    only its salt says which word a number in the index stands for.
    """
    if kind == "session":
        index_keys = record_keys(archive.store, archive.session, "index")
        removals = [Delete("index", index_key) for index_key in index_keys]
        turn_keys = record_keys(archive.store, archive.session, "turn")
        return [*removals, put(_new_session(turn_keys))]
    ordinal = int(key) if key.isascii() and key.isdecimal() else -1
    if kind == "turn" and key == turn_key(ordinal):
        return [forgotten_turn(ordinal)]
    if kind == "page" and key == page_key(ordinal):
        return [put(PageRecord(id=key, ordinal=ordinal, state="forgotten", digest=""))]
    return [Delete(kind, key)]


def _new_session(turn_keys: Iterable[str]) -> SessionRecord:
    """The record of a session whose own is damaged: new turns get numbers after all that it has."""
    ordinals = {int(key) for key in turn_keys if key.isascii() and key.isdecimal()}
    next_turn = max(ordinals, default=-1) + 1
    missing = [(n, n) for n in range(next_turn) if n not in ordinals]
    return SessionRecord(next_turn=next_turn).with_fields(old_turns=missing)
