"""The index of a session in its store: written with the turns, merged, and without a trace of
what was forgotten.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from support.index_keys import best_turns, hashes, segments, segments_of, stored_keys
from support.memories import Open
from support.page_life import SHORT_STUBS, to_stubs
from support.secret_turn import on_page_with_secret, raw
from support.secret_turn import said as said_with_secret
from support.shelf_turns import said

from optical_memory import Turn
from optical_memory.recall.find import Finder
from optical_memory.session.index_records import (
    FAN_OUT,
    SMALL_UNITS,
    IndexDraft,
    is_stub_key,
    merge_index,
)
from optical_memory.stores import Store

# ---- writing -------------------------------------------------------------------------------------


def test_a_turn_is_indexed_in_the_commit_that_remembers_it(opened: Open, store: Store) -> None:
    memory = opened()
    version = store.version("alice").number
    memory.remember(Turn("user", "The heron sleeps."))
    assert store.version("alice").number == version + 1
    assert hashes(memory, "heron sleeps") <= stored_keys(store)


def test_the_same_turn_again_writes_no_index(opened: Open, store: Store) -> None:
    memory = opened()
    turn = Turn("user", "The heron sleeps.", id="m1")
    memory.remember(turn)
    index = list(store.scan("alice", "index"))
    memory.remember([turn, turn])
    assert list(store.scan("alice", "index")) == index


def test_words_of_an_edited_open_turn_stay_in_the_index_under_its_older_version(
    opened: Open, store: Store
) -> None:
    memory = opened()
    memory.remember(
        [Turn("user", "The zeppelin.", id="a"), Turn("user", "Flurbington.", id="b"), *said(3)]
    )
    memory.remember(Turn("user", "The heron.", id="a"))
    assert hashes(memory, "zeppelin heron flurbington") <= stored_keys(store)
    index = Finder().index(memory._archive.snapshot())
    ordinals = [o for part in index.parts for o in part.segment.ordinals.tolist()]
    assert ordinals == sorted(ordinals) == list(range(6))
    assert memory.recall("zeppelin", superseded=False)[0].text == "The heron."
    memory.forget(turn="a")
    assert not hashes(memory, "zeppelin heron") & stored_keys(store)


def test_words_of_an_open_turn_leave_the_index_if_a_later_version_keeps_nothing_of_the_older(
    opened: Open, store: Store
) -> None:
    memory = opened()
    memory.remember([Turn("user", "The zep", id="a"), *said(3)])
    memory.remember(Turn("user", "The zeppelin lands.", id="a"))
    assert not hashes(memory, "zep") & stored_keys(store)
    assert hashes(memory, "zeppelin") <= stored_keys(store)


def test_an_edited_turn_keeps_its_place_among_many_open_turns(opened: Open) -> None:
    memory = opened(keep_turns=10**6)
    n = 2 * SMALL_UNITS + 20
    for start in range(0, n, 10):
        memory.remember([Turn("user", f"Heron {i}.", id=f"m{i}") for i in range(start, start + 10)])
    edits = [Turn("user", f"Edited swan {i}.", id=f"m{i}") for i in (3, 4, SMALL_UNITS + 9, n - 1)]
    memory.remember([*edits, Turn("user", "The newest.", id="new")])
    index = Finder().index(memory._archive.snapshot())
    assert len(index.parts) == 3
    ordinals = [o for part in index.parts for o in part.segment.ordinals.tolist()]
    last = memory._archive.snapshot().session.next_turn
    assert ordinals == list(range(last))
    assert memory.recall("swan 4", 1)[0].turns == ("m4",)
    assert memory.recall("newest", 1)[0].turns == ("new",)


def test_turns_that_are_remembered_one_by_one_are_in_few_segments(
    opened: Open, store: Store
) -> None:
    memory = opened()
    for turn in said(2 * SMALL_UNITS + 20):
        memory.remember(turn)
    sizes = [segment.n_units for _, segment in sorted(segments(store).items())]
    assert sum(sizes) == 2 * SMALL_UNITS + 20
    assert len(sizes) == 3
    assert all(size >= SMALL_UNITS for size in sizes[:-1])


def test_the_index_is_the_same_for_turns_remembered_at_once_or_one_by_one(
    opened: Open, store: Store
) -> None:
    memory = opened()
    for turn in said(40):
        memory.remember(turn)
    (single,) = segments(store).values()
    salt = memory._archive.snapshot().session.salt
    other = memory.open("bob")
    other.remember(said(40))
    (whole,) = segments_of(store, "bob").values()
    assert single.ends.tolist() == whole.ends.tolist()
    assert single.n_terms.tolist() == whole.n_terms.tolist()
    assert len(single.keys) == len(whole.keys)
    assert salt != other._archive.snapshot().session.salt
    assert not set(single.keys.tolist()) & set(whole.keys.tolist())


def test_two_memories_over_a_store_find_each_others_turns(opened: Open) -> None:
    first = opened()
    second = opened()
    first.remember(said(20))
    assert second.recall("topic7", 1)[0].text == said(20)[7].text
    second.remember(said(20, first=20))
    first.remember(said(20, first=40))
    for memory in (first, second):
        for n in (3, 27, 55):
            assert memory.recall(f"topic{n}", 1)[0].text == said(60)[n].text
    second.forget(turn="t27")
    assert not any("Topic27" in passage.text for passage in first.recall("topic27", 9))


# ---- merging -------------------------------------------------------------------------------------


def test_merging_leaves_few_segments_and_finds_the_same(opened: Open, store: Store) -> None:
    memory = opened()
    for start in range(0, FAN_OUT * SMALL_UNITS, SMALL_UNITS):
        memory.remember(said(SMALL_UNITS, first=start))
    assert len(segments(store)) == FAN_OUT
    old_turns = best_turns(memory)
    keys = stored_keys(store)
    assert memory._archive.update(lambda snapshot: (merge_index(snapshot), None))
    (merged,) = segments(store).values()
    assert merged.n_units == FAN_OUT * SMALL_UNITS
    assert best_turns(memory) == best_turns(opened()) == old_turns
    assert stored_keys(store) == keys
    assert merge_index(memory._archive.snapshot()) == []


def test_segments_that_still_grow_are_not_merged(opened: Open) -> None:
    memory = opened()
    memory.remember(said(10))
    assert merge_index(memory._archive.snapshot()) == []


# ---- forgetting ----------------------------------------------------------------------------------


@pytest.mark.parametrize("retain", ["pages", "text"])
@pytest.mark.parametrize(
    ("what", "state"),
    [
        ("turn", "open"),
        ("turn", "sealed"),
        ("turn", "certified"),
        ("page", "sealed"),
        ("page", "certified"),
    ],
)
def test_forgotten_words_leave_no_hash(
    opened: Open, store: Store, url: str, what: str, state: str, retain: str
) -> None:
    memory = opened(retain=retain)
    turns = said_with_secret(8 if state == "open" else 40)
    memory.remember(turns)
    if state == "sealed":
        memory.seal()
    elif state == "certified":
        memory.flush()
    secret = hashes(memory, "zorblax flurbington QX-7731-ZZ look_up_zorblax")
    assert len(secret & stored_keys(store)) >= 3
    others = hashes(memory, "topic7 shelf apples")
    memory.forget(turn="m5") if what == "turn" else memory.forget(page=on_page_with_secret(memory))
    assert not secret & stored_keys(store)
    assert b"Zebedee" not in b"".join(data for _, data in store.scan("alice", "index"))
    rest = raw(url)
    assert not [key for key in secret if np.uint64(key).tobytes() in rest]
    assert others & stored_keys(store)


def test_words_of_a_stub_leave_with_it(opened: Open, store: Store) -> None:
    memory = opened(policy=SHORT_STUBS)
    memory.remember([Turn("user", "The zeppelin zeppelin.", id="z"), *said(40)])
    memory.flush()
    zeppelin = hashes(memory, "zeppelin")
    to_stubs(memory, "0000000")
    stub_keys = [key for key in segments(store) if is_stub_key(key)]
    assert stub_keys == ["stub-0000000"]
    words = hashes(memory, " ".join(memory.inspect("0000000").record.keywords))
    assert words & set(segments(store)[stub_keys[0]].keys.tolist())
    assert zeppelin <= stored_keys(store) or "zeppelin" not in memory.read("0000000").text
    memory.forget(turn="z")
    assert not any(is_stub_key(key) for key in segments(store))
    assert not zeppelin & stored_keys(store)


def test_only_the_keywords_of_a_stub_stay_in_the_index(opened: Open, store: Store) -> None:
    memory = opened(policy=SHORT_STUBS)
    lost = "The flurbington gently hums beside every other kettle."
    memory.remember([Turn("user", lost), *said(40)])
    memory.flush()
    assert hashes(memory, "flurbington hums kettle") <= stored_keys(store)
    to_stubs(memory, "0000000")
    left = memory.read("0000000").text
    gone = [word for word in ("flurbington", "hums", "kettle") if word not in left]
    assert gone
    assert not hashes(memory, " ".join(gone)) & stored_keys(store)


def test_pages_that_go_together_leave_no_word_of_a_turn_that_stood_on_both(
    opened: Open, store: Store
) -> None:
    memory = opened(keep_turns=0)
    names = [f"flurb{chr(97 + n)}" for n in range(26)]
    long = " ".join(f"The heron saw {name} in the harbour, and went on." for name in names)
    memory.remember([Turn("user", long), *said(40)])
    memory.flush()
    pages = [page.id for page in memory.pages()]
    assert sum("heron" in memory.read(page).text for page in pages) > 1
    assert hashes(memory, " ".join(names)) <= stored_keys(store)
    memory.fade(0)
    assert not hashes(memory, " ".join(names)) & stored_keys(store)
    memory.forget(turn="t1")
    assert memory.check() == []


# ---- rebuilding ----------------------------------------------------------------------------------


def test_an_index_draft_of_no_change_writes_nothing(opened: Open) -> None:
    memory = opened()
    memory.remember(said(5))
    draft = IndexDraft(memory._archive.snapshot())
    draft.add([])
    draft.remove([])
    draft.remove([99])
    assert draft.changes() == []


def test_a_session_without_words_needs_no_index(opened: Open, store: Store) -> None:
    memory = opened()
    memory.remember([Turn("user", "", id="blank"), Turn("user", "The zeppelin.", id="z")])
    memory.forget(turn="z")
    assert not segments(store)
    assert merge_index(memory._archive.snapshot()) == []
    version = store.version("alice")
    memory.flush()
    assert store.version("alice") == version
    memory.remember(Turn("user", "The heron."))
    assert memory.recall("heron", 1)[0].text == "The heron."


def test_units_are_counted_once_whatever_happens_to_their_pages(opened: Open, store: Store) -> None:
    memory = opened(keep_turns=0)
    memory.remember([Turn("user", "The long heron goes on. " * 120, id="long"), *said(40)])
    memory.flush()
    memory.remember(Turn("user", "Edited heron.", id="long"))
    ordinals: Counter[int] = Counter()
    for segment in segments(store).values():
        ordinals.update(segment.ordinals.tolist())
    assert set(ordinals) == set(range(42))
    assert set(ordinals.values()) == {1}
