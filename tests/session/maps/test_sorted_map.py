"""Mappings in key order: like dictionaries, but a change shares everything else with the map before
it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.session.maps import sorted_map
from optical_memory.session.maps.sorted_map import DeferredMap, ParsedMap, SortedMap

values = st.dictionaries(st.text("abc", max_size=4), st.integers(), max_size=30)
changes = st.dictionaries(
    st.text("abc", max_size=4), st.one_of(st.none(), st.integers()), max_size=12
)


@pytest.fixture(autouse=True, scope="module")
def _short_leaves() -> Iterable[None]:
    """Leaves of three keys, so that few keys make many leaves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_map, "LEAF_KEYS", 3)
        yield


@given(first=values, steps=st.lists(changes, max_size=8))
@settings(deadline=None, max_examples=300)
def test_a_sorted_map_is_a_dictionary_in_key_order(
    first: dict[str, int], steps: list[dict[str, int | None]]
):
    model = dict(first)
    actual: SortedMap[int] = SortedMap(first.items())
    for step in [{}, *steps]:
        snapshot = (actual, dict(model))
        for key, value in step.items():
            if value is None:
                model.pop(key, None)
            else:
                model[key] = value
        actual = actual.after(step)
        expected = dict(sorted(model.items()))
        assert list(actual) == list(expected)
        assert list(actual.pairs()) == list(expected.items())
        assert list(reversed(actual)) == list(reversed(expected))
        assert list(actual.reversed_pairs()) == list(reversed(expected.items()))
        assert (len(actual), dict(actual)) == (len(expected), expected)
        assert all(0 < len(leaf) <= 3 for leaf in actual._leaves) or not expected
        assert [actual.get(key) for key in ("", "a", "abca", "z")] == [
            expected.get(key) for key in ("", "a", "abca", "z")
        ]
        assert dict(snapshot[0]) == snapshot[1], "the map before the change stays as it was"


def test_of_pairs_with_the_same_key_the_last_counts():
    assert dict(SortedMap([("b", 1), ("a", 2), ("b", 3)])) == {"a": 2, "b": 3}
    assert dict(SortedMap([("a", 1), ("a", 2)])) == {"a": 2}


def test_a_change_copies_one_leaf_and_shares_the_others():
    old = SortedMap((f"{n:03d}", n) for n in range(300))
    new = old.after({"150": 0})
    assert len(old._leaves) == len(new._leaves) == 100
    assert sum(a is not b for a, b in zip(old._leaves, new._leaves, strict=True)) == 1


def test_a_map_without_changes_is_the_same_map():
    old = SortedMap([("a", 1)])
    assert old.after({}) is old


# ---- parsed maps ---------------------------------------------------------------------------------


def parsed_map(**data: bytes) -> tuple[ParsedMap[str], list[bytes]]:
    """A map of these values, and a list of the data that were parsed."""
    parses: list[bytes] = []

    def parse(value: bytes) -> str:
        parses.append(value)
        return value.decode()

    return ParsedMap(parse, SortedMap(data.items())), parses


def test_values_are_parsed_when_they_are_asked_for_and_kept():
    words, parses = parsed_map(b=b"two", a=b"one")
    assert (len(words), list(words), "a" in words, "c" in words) == (2, ["a", "b"], True, False)
    assert parses == []
    assert (words["a"], words["a"], words.get("c")) == ("one", "one", None)
    assert parses == [b"one"]
    assert list(words.values()) == ["one", "two"]
    assert list(reversed(words.values())) == ["two", "one"]
    assert list(reversed(words)) == ["b", "a"]
    assert words == {"a": "one", "b": "two"}


def test_a_value_that_changed_is_in_no_newer_map():
    words, _ = parsed_map(a=b"gate code", b=b"weather")
    assert words["a"] == "gate code"
    newer = words.after({"a": b"gone"})
    older_value = words["a"]
    assert (older_value, newer["a"]) == ("gate code", "gone")
    assert words.after({"a": None}).get("a") is None
    assert "gate code" not in repr(newer._cache)
    assert words.after({}) is words


def test_few_parsed_values_are_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sorted_map, "CACHE_KEYS", 2)
    words, parses = parsed_map(a=b"1", b=b"2", c=b"3")
    for key in "abcabc":
        assert words[key]
        assert len(words._cache) <= 2
    assert len(parses) > 3


def length(word: str) -> int:
    lengths_asked.append(word)
    return len(word)


lengths_asked: list[str] = []


def test_facts_are_computed_again_only_for_values_that_changed():
    words, _ = parsed_map(a=b"one", b=b"three", c=b"seven")
    lengths_asked.clear()
    assert words.facts(length) == [3, 5, 5]
    newer = words.after({"b": b"ten", "c": None, "d": b"eleven"})
    assert newer.facts(length) == [3, 3, 6]
    assert lengths_asked == ["one", "three", "seven", "ten", "eleven"]
    assert words.facts(length) == [3, 5, 5], "an older map has its own facts"
    assert newer.facts(length) == [3, 3, 6]


def test_a_value_that_does_not_parse_raises_and_the_others_are_read():
    numbers = ParsedMap(int, SortedMap([("a", b"1"), ("b", b"no number")]))
    assert numbers["a"] == 1
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            _ = numbers["b"]


# ---- deferred maps -------------------------------------------------------------------------------


def test_a_deferred_map_is_loaded_once_when_it_is_asked_for():
    loads: list[str] = []

    def load() -> list[tuple[str, bytes]]:
        loads.append("load")
        return [("b", b"2"), ("a", b"1")]

    deferred = DeferredMap(load)
    assert deferred.after({"c": b"3"}) is deferred, "its source has the change already"
    assert loads == []
    assert (list(deferred), deferred["a"], len(deferred), "c" in deferred) == (
        ["a", "b"],
        b"1",
        2,
        False,
    )
    newer = deferred.after({"c": b"3", "a": None})
    assert (dict(newer), dict(deferred)) == ({"b": b"2", "c": b"3"}, {"a": b"1", "b": b"2"})
    assert loads == ["load"]


def test_a_deferred_map_without_a_source_is_empty():
    assert dict(DeferredMap()) == {}
    assert dict(DeferredMap().after({"a": b"1"})) == {"a": b"1"}


def test_a_load_that_fails_is_tried_again():
    answers: list[list[tuple[str, bytes]]] = []

    def load() -> list[tuple[str, bytes]]:
        if not answers:
            answers.append([("a", b"1")])
            raise OSError("no answer")
        return answers[0]

    deferred = DeferredMap(load)
    with pytest.raises(OSError, match="no answer"):
        len(deferred)
    assert dict(deferred) == {"a": b"1"}


def test_a_change_that_comes_during_a_load_is_not_lost():
    source = {"a": b"1"}
    has_begun = threading.Event()

    def load() -> list[tuple[str, bytes]]:
        pairs = list(source.items())
        has_begun.set()
        time.sleep(0.05)  # the change below is asked for meanwhile, and waits
        return pairs

    deferred = DeferredMap(load)
    reader = threading.Thread(target=len, args=(deferred,))
    reader.start()
    has_begun.wait()
    source["b"] = b"2"
    newer = deferred.after({"b": b"2"})
    reader.join()
    assert dict(newer) == source
