"""Turns cut into units: whole sentences, nothing lost, short turns whole."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.search.units import UNIT_CHARS, cut_units

TEXTS = st.text(st.sampled_from("ab .!?\n。\"' "), max_size=3_000)


@given(TEXTS)
@settings(deadline=None)
def test_every_word_is_in_a_unit_and_units_follow_each_other(text: str) -> None:
    units = cut_units(text)
    assert all(end - start <= UNIT_CHARS for start, end in units)
    assert units == sorted(units)
    between = [text[a:b] for (_, a), (b, _) in pairwise(units)]
    first = text[: units[0][0]] if units else text
    last = text[units[-1][1] :] if units else ""
    assert "".join([first, *between, last]).strip() == ""


def test_a_short_turn_is_a_unit_with_all_of_its_sentences() -> None:
    text = "The gate code is 4417. It is new! Is it?"
    assert cut_units(text) == [(0, len(text))]
    assert cut_units(" \n ") == []


def test_a_long_turn_is_cut_between_sentences() -> None:
    sentence = "The heron sleeps under the third bridge of the town. "
    text = sentence * 20
    units = cut_units(text)
    assert len(units) > 1
    assert all(text[start:end].strip().endswith("town.") for start, end in units)
    assert "".join(text[start:end] for start, end in units) == text


def test_a_sentence_that_is_too_long_is_cut_between_words_or_anywhere() -> None:
    words = "word " * 300
    assert all(words[end - 1] == " " for _, end in cut_units(words))
    line = "x" * 1_000
    assert [end - start for start, end in cut_units(line)] == [400, 400, 200]


def test_a_log_is_cut_at_its_lines() -> None:
    log = "".join(f"10:{n:02d} srv{n} answers in {n} ms\n" for n in range(60))
    assert all(log[start : start + 3] == "10:" for start, _ in cut_units(log))


def test_chinese_sentences_end_at_their_own_stops() -> None:
    text = "我们在花园里谈了很久。" * 60
    assert all(text[end - 1] == "。" for _, end in cut_units(text))
