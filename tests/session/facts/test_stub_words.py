"""What a stub gives as original is the very text of a turn, in any script and case."""

from __future__ import annotations

import tempfile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.page_life import to_stubs

from optical_memory import ForgettingPolicy, OpticalMemory, Turn
from optical_memory.search.terms import terms, written_terms
from optical_memory.testing import TemplateReader

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)


@given(texts)
@example("10⁶ ohm, Straße 7, İstanbul, ﬁne, Ǆ, QX-77B")
def test_a_written_term_stands_in_the_text(text: str) -> None:
    """Or it is a term as the index counts it, which the ledger notes as unwritten."""
    folded = terms(text)
    assert list(written_terms(text).values()) == list(folded.values())
    for written, term in zip(written_terms(text), folded, strict=True):
        assert written in text or written == term


@settings(max_examples=8)
@given(texts)
@example("resistance 10⁶ ohm in Straße 7, İstanbul ﬁne Ǆ QX-77B")
@example("The Reactor makes 5 MW, says Ünal; e-Mail U.S.A. won't 1,299.00")
def test_every_word_of_a_stub_is_in_the_turn_as_it_was_said(text: str) -> None:
    filler = "so be it"
    with tempfile.TemporaryDirectory() as folder:
        memory = OpticalMemory(
            "s",
            store=f"sqlite:///{folder}/m.db",
            reader=TemplateReader(),
            background=False,
            keep_turns=0,
            semantic=None,
            policy=ForgettingPolicy(condense=False),
        )
        memory.remember([Turn("user", text), *(Turn("user", filler) for _ in range(60))])
        memory.flush()
        truth = memory.read("0000000").text
        to_stubs(memory, "0000000")
        stub = memory.read("0000000")
        to_stubs(memory, "0000000")  # again: nobody has the text to compare words with
        assert memory.read("0000000").spans == stub.spans
        assert memory.read("0000000").text == stub.text
        memory.close()
    for span in stub.spans:
        if span.status in ("original", "verified"):
            for line in stub.text[span.start : span.end].split("\n"):
                assert line in truth or all(word in truth for word in line.split())


@pytest.mark.parametrize("word", ["QX1333", "Tirana", "USB-C", "naïve"])
def test_keywords_keep_their_case(word: str) -> None:
    assert word in written_terms(f"it is {word} again")
