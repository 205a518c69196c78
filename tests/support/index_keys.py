"""The search index as a store holds it: its segments, its words, and the turns that it finds."""

from __future__ import annotations

from optical_memory import OpticalMemory
from optical_memory.search.segment import Segment
from optical_memory.search.segment_bytes import segment_from_bytes
from optical_memory.search.terms import unit_keys
from optical_memory.session.index_records import key_hash
from optical_memory.stores import Delete, Store
from optical_memory.stores.protection.checksums import Checksums
from optical_memory.stores.protection.protected_store import protected

QUESTIONS = [f"Where is topic{n}?" for n in range(0, 60, 7)]


def segments(store: Store) -> dict[str, Segment]:
    return segments_of(store, "alice")


def segments_of(store: Store, session: str) -> dict[str, Segment]:
    """The parts of a session's index by key, their checksums checked and taken off."""
    pairs = protected(store, Checksums()).scan(session, "index")
    return {key: segment_from_bytes(data) for key, data in pairs}


def stored_keys(store: Store) -> set[int]:
    """The hashes of all words in the index."""
    keys: set[int] = set()
    for segment in segments(store).values():
        keys.update(segment.keys.tolist())
    return keys


def hashes(memory: OpticalMemory, text: str) -> set[int]:
    hash_key = key_hash(memory._archive.snapshot().session.salt)
    return {hash_key(key) for key in unit_keys(text)}


def drop_index(store: Store) -> None:
    """Make the session as a version without an index wrote it."""
    keys = [key for key, _ in store.scan("alice", "index")]
    store.commit("alice", [Delete("index", key) for key in keys])


def best_turns(memory: OpticalMemory) -> list[tuple[str, tuple[str, ...]]]:
    """The best turn for each question, as text and id."""
    best = [memory.recall(question, 1)[0] for question in QUESTIONS]
    return [(passage.text, passage.turns) for passage in best]
