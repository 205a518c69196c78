"""Keys of turns by id: the same as a plain dictionary, though most ids are not kept."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.session.maps.sorted_map import SortedMap
from optical_memory.session.maps.turn_keys import TurnKeys

IDS = st.sampled_from(
    ["t0", "t1", "t2", "t02", "t", "t-1", "t1_0", "t١", "m1", "", "t10", "t1000000000"]
)
STEPS = st.lists(st.tuples(st.integers(0, 12), st.one_of(st.none(), IDS)), max_size=20)


def key_of(ordinal: int) -> str:
    return f"{ordinal:09d}"


def turn_keys(ids: dict[int, str]) -> TurnKeys:
    turns = SortedMap((key_of(ordinal), id.encode()) for ordinal, id in sorted(ids.items()))
    return TurnKeys(bytes.decode, turns, [(id, key_of(ordinal)) for ordinal, id in ids.items()])


@given(STEPS)
@settings(deadline=None)
def test_it_is_a_dictionary_of_the_keys_after_every_change(
    steps: list[tuple[int, str | None]],
) -> None:
    ids: dict[int, str] = {}
    turns: SortedMap[bytes] = SortedMap()
    keys = TurnKeys(bytes.decode)
    for ordinal, id in steps:
        if id in ids.values():
            continue
        changes: dict[str, str | None] = {}
        if ordinal in ids:
            changes[ids.pop(ordinal)] = None
        if id is not None:
            ids[ordinal] = id
            changes[id] = key_of(ordinal)
        turns = turns.after({key_of(ordinal): None if id is None else id.encode()})
        keys = keys.after(turns, changes)
        expected = {id: key_of(ordinal) for ordinal, id in ids.items()}
        assert dict(keys) == dict(turn_keys(ids)) == expected
        assert len(keys) == len(expected)
        for absent in ("t3", "t000000001", "t12", "m9"):
            assert (absent in keys) == (absent in expected)


def test_an_id_that_says_the_key_of_another_turn_is_found_at_its_own() -> None:
    keys = turn_keys({3: "t7", 7: "m1", 8: "t8"})
    assert keys["t7"] == key_of(3)
    assert keys["t8"] == key_of(8)
    with pytest.raises(KeyError):
        keys["t3"]
