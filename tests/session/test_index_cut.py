"""Pages of one long turn that go in one commit: the index has the words of the others alone."""

from __future__ import annotations

import re

import pytest
from support.index_keys import hashes, stored_keys
from support.memories import Open
from support.page_life import to_rung

from optical_memory import Turn
from optical_memory.session.forgetting.policy import FORGOTTEN
from optical_memory.stores import Store

WORD = re.compile(r"word\w\wzq")
LETTERS = "abcdefghijklmnopqrst"


def long_turn() -> Turn:
    """A turn of several pages, each of its sentences with a word of its own."""
    words = [f"word{first}{second}zq" for first in LETTERS[:3] for second in LETTERS]
    return Turn("user", " ".join(f"A sentence speaks of {word} here." for word in words))


@pytest.mark.parametrize("places", [(0, 1), (1, 3), (3, 1)])
def test_the_index_has_the_words_of_the_pages_that_are_left(
    opened: Open, store: Store, places: tuple[int, ...]
) -> None:
    memory = opened(keep_turns=0)
    memory.remember([long_turn(), *(Turn("assistant", f"And so on, {i}.") for i in range(30))])
    memory.flush()
    words = [set(WORD.findall(memory.read(page.id).text)) for page in memory.pages()]
    pages = [memory.pages()[place].id for place in places]
    to_rung(memory, FORGOTTEN, *pages)
    lost: set[str] = set().union(*(words[place] for place in places))
    left: set[str] = set().union(*(page for i, page in enumerate(words) if i not in places))
    assert hashes(memory, " ".join(left)) <= stored_keys(store)
    assert not hashes(memory, " ".join(lost - left)) & stored_keys(store)
    assert memory.check() == []


def test_text_of_a_lost_page_leaves_the_index_when_its_turn_is_sealed(
    opened: Open, store: Store
) -> None:
    memory = opened(keep_turns=0)
    memory.remember(long_turn())
    memory.flush()
    first, *others = memory.pages()
    lost = set(WORD.findall(memory.read(first.id).text))
    left = {word for page in others for word in WORD.findall(memory.read(page.id).text)} - lost
    to_rung(memory, FORGOTTEN, first.id)
    assert hashes(memory, " ".join(lost)) <= stored_keys(store)  # the turn has its text in hand
    memory.remember([Turn("assistant", f"And so on, {i}.") for i in range(30)])
    memory.flush()
    assert hashes(memory, " ".join(left)) <= stored_keys(store)
    assert not hashes(memory, " ".join(lost)) & stored_keys(store)
    assert memory.check() == []


def test_a_turn_of_blanks_is_nothing_that_the_index_lacks(opened: Open) -> None:
    memory = opened(keep_turns=0)
    blanks = [Turn("user", " \t "), Turn("assistant", "\n"), Turn("user", "\r\n")]
    memory.remember([*blanks, *(Turn("assistant", f"And so on, {i}.") for i in range(60))])
    memory.flush()
    assert memory.check() == []
