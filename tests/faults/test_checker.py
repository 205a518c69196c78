"""The independent checker sees what it is there to see."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.faults.checker import left_behind, problems_of
from support.faults.lives import LIVES
from support.faults.places import Place
from support.faults.raw_session import RawSession, signs_of_picture, signs_of_tokens
from support.faults.told import Told, sentence

Lives = tuple[Place, dict[str, Told]]


@pytest.fixture
def raw(in_file: Lives) -> RawSession:
    place, _ = in_file
    place.begin("long")
    return place.raw()


@pytest.fixture
def told(in_file: Lives) -> Told:
    return in_file[1]["long"]


def change(raw: RawSession, kind: str, key: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """Change a record in place."""
    record = json.loads(raw.records[kind][key])
    edit(record)
    raw.records[kind][key] = json.dumps(record).encode()


@pytest.mark.parametrize("life", LIVES)
def test_it_finds_nothing_in_lives_without_faults(lives: Lives, life: str) -> None:
    place, told = lives
    place.begin(life)
    raw = place.raw()
    assert problems_of(raw, told[life]) == []
    assert left_behind(raw, told[life]) == []


def test_it_sees_a_turn_that_is_gone(raw: RawSession, told: Told) -> None:
    del raw.records["turn"]["000000050"]
    assert problems_of(raw, told)


def test_it_sees_an_open_turn_of_another_text(raw: RawSession, told: Told) -> None:
    change(raw, "turn", "000000055", lambda record: record.update(text="another text"))
    assert any("reads" in problem for problem in problems_of(raw, told))


def test_it_sees_a_picture_of_another_page(raw: RawSession, told: Told) -> None:
    pictures = raw.records["picture"]
    for key in [key for key in pictures if key.startswith("0000000/")]:
        pictures[key] = pictures["0000001/tiny"]
    assert any("reads" in problem for problem in problems_of(raw, told))


def test_it_sees_a_page_without_its_picture(raw: RawSession, told: Told) -> None:
    for key in [key for key in raw.records["picture"] if key.startswith("0000003/")]:
        del raw.records["picture"][key]
    assert any("no picture" in problem for problem in problems_of(raw, told))


def test_it_sees_a_wrong_count(raw: RawSession, told: Told) -> None:
    change(raw, "session", "session", lambda record: record.update(next_turn=7))
    assert any("counts 7 turns" in problem for problem in problems_of(raw, told))


def test_it_sees_an_edit_that_is_gone(raw: RawSession, told: Told) -> None:
    more = told.copy()
    more.versions["m5"].append(sentence(5, 1))
    assert problems_of(raw, more)


def test_it_sees_words_tokens_pictures_and_numbers_of_a_forgotten_turn(
    raw: RawSession, told: Told
) -> None:
    problems = left_behind(raw, told.without("m40"))
    assert any("word" in problem for problem in problems)
    assert any("the picture" in problem for problem in problems)
    assert any("number of the index" in problem for problem in problems)
    on_page = left_behind(raw, told.without("m20"))
    assert any("cached tokens" in problem for problem in on_page)


def test_it_reads_pictures_and_tokens_by_itself(raw: RawSession) -> None:
    assert any("nork20zap" in signs_of_picture(png) for png in raw.records["picture"].values())
    assert any("nork20zap" in signs_of_tokens(blob) for blob in raw.blobs)
