"""The index of a session that has none, or of which a part is damaged."""

from __future__ import annotations

import pytest
from support.index_keys import best_turns, drop_index, hashes, segments, stored_keys
from support.memories import Open
from support.page_life import ledger_tokens
from support.secret_turn import said as said_with_secret
from support.shelf_turns import said

from optical_memory import Turn
from optical_memory.session.index_records import SMALL_UNITS, lacks_index, load_segment, merge_index
from optical_memory.stores import Put, Store


@pytest.mark.parametrize("retain", ["pages", "text"])
@pytest.mark.parametrize("state", ["open", "sealed", "certified", "faded"])
def test_a_session_of_a_version_without_an_index_is_found_as_before(
    opened: Open, store: Store, state: str, retain: str
) -> None:
    memory = opened(retain=retain, keep_turns=3)
    memory.remember(said(60))
    if state == "sealed":
        memory.seal()
    elif state != "open":
        memory.flush()
    if state == "faded":
        memory.fade(capacity=300 + ledger_tokens(memory))
    expected = best_turns(memory)
    drop_index(store)
    old_session = opened(retain=retain)
    assert lacks_index(old_session._archive.snapshot())
    assert [text for text, _ in best_turns(old_session)] == [text for text, _ in expected]
    assert not segments(store), "reading writes nothing"
    old_session.remember(Turn("user", "The heron sleeps."))
    assert not lacks_index(old_session._archive.snapshot())
    assert old_session.recall("heron", 1)[0].text == "The heron sleeps."
    assert [text for text, _ in best_turns(opened(retain=retain))] == [text for text, _ in expected]


def test_forgetting_in_a_session_without_an_index_leaves_no_hash(
    opened: Open, store: Store
) -> None:
    memory = opened()
    memory.remember(said_with_secret())
    memory.flush()
    drop_index(store)
    secret = hashes(memory, "zorblax flurbington")
    opened().forget(turn="m5")
    assert stored_keys(store)
    assert not secret & stored_keys(store)
    assert opened().recall("topic7", 1)[0].turns == ("m7",)


def test_a_damaged_segment_hides_its_turns_only_and_is_told(
    opened: Open, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    memory = opened()
    memory.remember(said(SMALL_UNITS))
    memory.remember(said(20, first=SMALL_UNITS))
    keys = sorted(segments(store))
    assert len(keys) == 2
    store.commit("alice", [Put("index", keys[0], b"{no segment")])
    other = opened()
    assert other.recall(f"topic{SMALL_UNITS + 7}", 1)[0].text == said(1, SMALL_UNITS + 7)[0].text
    assert not any("Topic7 " in passage.text for passage in other.recall("topic7", 200))
    assert "search index" in caplog.text
    assert load_segment(b"{no segment") is None


def test_a_session_whose_record_is_damaged_is_found_and_its_index_written_once(
    opened: Open, store: Store
) -> None:
    memory = opened()
    memory.remember(said(40))
    memory.flush()
    store.commit("alice", [Put("session", "session", b"{damaged")])
    other = opened()
    assert other.recall("topic7", 1)[0].text == said(40)[7].text
    assert merge_index(other._archive.snapshot()) == []
    version = store.version("alice")
    other.flush()
    assert store.version("alice") == version
    other.remember(Turn("user", "The heron sleeps."))
    for reader in (other, opened()):
        assert not lacks_index(reader._archive.snapshot())
        assert reader.recall("topic7", 1)[0].text == said(40)[7].text
        assert reader.recall("heron", 1)[0].text == "The heron sleeps."
