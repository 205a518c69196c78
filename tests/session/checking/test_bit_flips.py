"""A flipped bit anywhere in a store is told or harmless, and never read as sure text.

A sample of the campaign in `support.damage.flips`, which `make test-faults` runs at length.
"""

from __future__ import annotations

import json

import pytest
from support.damage.flips import campaign, verdict, with_blobs
from support.damage.observe import lies, look
from support.damage.sessions import SESSION, SHAPES, sample

from optical_memory.stores import Put, Store
from optical_memory.stores.sqlite import SQLiteStore

N_FLIPS = 30
"""Of each shape and store: the campaign has thousands."""


@pytest.mark.parametrize("shape", SHAPES)
def test_no_flipped_bit_is_read_as_sure_text_or_changes_anything_unsaid(
    store: Store, shape: str
) -> None:
    counts, faults = campaign(store, shape, N_FLIPS, seed=1)
    assert faults == []
    assert {kind for kind, _ in counts} >= {"session", "turn", "page", "index", "blob"}


def test_two_pictures_that_change_places_are_told(store: Store) -> None:
    whole = sample(store, "pages")
    keys = [put.key for put in whole.records if put.kind == "picture" and "large" in put.key]
    values = {put.key: put.value for put in whole.records}
    store.drop_blobs(SESSION)
    base = look(whole.opened())
    store.commit(
        SESSION,
        [Put("picture", keys[0], values[keys[1]]), Put("picture", keys[1], values[keys[0]])],
    )
    store.drop_blobs(SESSION)
    assert verdict(whole, base)[0] == "told"


def test_an_older_version_of_a_page_or_turn_is_read_honestly(store: Store) -> None:
    """A record that was replaced by what it once was: nothing is told that was never said."""
    whole = sample(store, "pages")
    base = look(whole.opened())
    memory = whole.opened()
    memory.forget(turn="id2")
    memory.remember([])
    for put in whole.records:
        if put.kind in ("page", "turn"):
            store.commit(SESSION, [put])
            now = look(whole.opened())
            assert lies(whole, base, now) == []


def test_a_blob_with_a_flipped_bit_is_encoded_again(store: Store) -> None:
    whole = with_blobs(sample(store, "pages"))
    memory = whole.opened()
    key, blob = next(iter(whole.blobs.items()))
    store.put_blobs(SESSION, {key: blob[:-9] + bytes([blob[-9] ^ 1]) + blob[-8:]})
    for page in memory.pages():
        memory.read(page.id)
    assert memory.reader.calls["encoded"] > 0
    assert store.get_blobs(SESSION, [key]) == [blob]


def test_a_session_without_sums_reads_the_same_and_gets_them_as_it_is_written(
    store: Store,
) -> None:
    """As a version before checksums left it."""
    whole = sample(store, "pages")
    base = look(whole.opened())
    memory = whole.opened()
    records, _ = memory._archive.scan(
        ("session", "turn", "page", "index", "picture"), store.version(SESSION)
    )
    assert not any(put.value.startswith(b'{"sum"') for put in records)
    store.commit(SESSION, records)
    assert look(whole.opened()).said == base.said
    assert whole.opened().check() == []
    whole.opened().forget(turn="id2")
    keys = [key for key, value in store.scan(SESSION, "turn") if b'{"sum"' in value]
    assert keys == ["000000002"]


def test_the_version_and_the_log_of_a_file_may_be_damaged_without_harm(
    store: Store,
) -> None:
    """They say what changed since when: a new process reads the records themselves."""
    if not isinstance(store, SQLiteStore):
        pytest.skip("the tables of SQLite")
    whole = sample(store, "pages")
    base = look(whole.opened())
    for column in ("version", "log_end", "log_start"):
        for bit in (0, 3, 20, 40, 62):
            with store._records.writing() as db:
                old = db.execute(f"SELECT {column} FROM sessions").fetchone()[0]
                db.execute(f"UPDATE sessions SET {column} = ?", (old ^ (1 << bit),))
            outcome, reasons = verdict(whole, base)
            assert outcome in ("told", "harmless"), (column, bit, reasons)
            with store._records.writing() as db:
                db.execute(f"UPDATE sessions SET {column} = ?", (old,))
    with store._records.writing() as db:
        db.execute("UPDATE log SET version = version + 7")
    assert verdict(whole, base) == ("harmless", [])


def test_records_stay_readable_json_in_the_raw_store(store: Store) -> None:
    whole = sample(store, "pages")
    for put in whole.records:
        if put.kind in ("session", "turn", "page"):
            assert next(iter(json.loads(put.value))) == "sum"
