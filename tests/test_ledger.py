"""Exact facts are found by shape, never overlap, and can be put back over any reading."""

import json
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ledgers import ANY_TEXT, FACTS, offsets_of

from optical_memory.counting import count_tokens
from optical_memory.errors import NewerFormat
from optical_memory.ledger import (
    CODE_LIMIT,
    KINDS,
    Ledger,
    LedgerSpan,
    StubFact,
    blank,
    extract,
    ledger_tokens,
    splice,
)


@pytest.mark.parametrize(("kind", "fact"), FACTS)
@pytest.mark.parametrize(
    "frame", ["{}", "so it is {} then", "(see {}), ok", "a line\n{}\nanother", "it was {}. Next"]
)
def test_a_fact_is_found_whole_wherever_it_stands(kind: str, fact: str, frame: str) -> None:
    spans = extract(frame.format(fact)).spans
    assert fact.rstrip(".") in [span.text.rstrip(".") for span in spans]
    assert {span.kind for span in spans} == {kind}


@pytest.mark.parametrize(
    "prose",
    [
        "She said hello and left, as one does.",
        "an and/or choice, e.g. this one i.e. that",
        "a well-known state-of-the-art idea",
        "I do. Really? Yes: no; maybe!",
        "It costs.Then some",
        "step 3 of 5",
    ],
)
def test_prose_has_no_facts(prose: str) -> None:
    assert extract(prose).spans == ()


def test_of_overlapping_candidates_the_longest_wins() -> None:
    (span,) = extract("open https://host-7.example/2026-03-04/v1.2.3/4K7Q2Z?id=0xFF now").spans
    assert (span.kind, span.text) == (
        "url",
        "https://host-7.example/2026-03-04/v1.2.3/4K7Q2Z?id=0xFF",
    )


def test_a_url_gives_back_the_punctuation_of_its_sentence() -> None:
    assert [
        span.text for span in extract("(see https://a.example/b.c). Then www.b.example, too").spans
    ] == [
        "https://a.example/b.c",
        "www.b.example",
    ]


def test_a_fenced_block_is_kept_whole_up_to_the_limit() -> None:
    block = "```python\ndef f(x):\n    return x\n```"
    assert [span.text for span in extract(f"like so:\n{block}\nand on").spans] == [block]
    long = "```\n" + "word and word\n" * (CODE_LIMIT // 10) + "id_7 = 41\n```"
    assert [span.text for span in extract(long).spans] == ["id_7", "41"]


def test_a_block_of_just_the_limit_is_kept_whole_and_one_of_a_character_more_is_not() -> None:
    block = "```\n" + "x" * (CODE_LIMIT - 8) + "\n```"
    assert len(block) == CODE_LIMIT == 2_000
    assert [span.text for span in extract(block).spans] == [block]
    assert extract(block.replace("x", "xx", 1)).spans == ()


def test_a_block_that_the_page_cuts_runs_to_the_end_of_the_page() -> None:
    assert extract("text\n```sh\nmake all\n").spans[-1].text == "```sh\nmake all\n"


@given(ANY_TEXT)
def test_spans_are_ordered_apart_and_exactly_the_text(text: str) -> None:
    spans = extract(text).spans
    assert all(text[span.start : span.end] == span.text and span.text for span in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    assert {span.kind for span in spans} <= set(KINDS)


@given(ANY_TEXT)
def test_a_ledger_repairs_a_reading_that_has_every_fact_wrong(text: str) -> None:
    ledger = extract(text)
    misread = list(text)
    for span in ledger.spans:
        misread[span.start : span.end] = "~" * (span.end - span.start)
    assert splice("".join(misread), ledger) == text


def test_a_ledger_of_another_page_is_refused() -> None:
    with pytest.raises(ValueError, match="not the same page"):
        splice("short", extract("a longer text with 4K7Q2Z"))


@settings(deadline=None)  # the first ledger loads the tokenizer
@given(ANY_TEXT)
def test_a_ledger_survives_json(text: str) -> None:
    ledger = extract(text)
    assert Ledger.from_json(json.loads(json.dumps(ledger.to_json()))) == ledger


def test_facts_for_a_stub_survive_json_and_go_with_the_words_around_them() -> None:
    code = StubFact(10, 14, "number", "4417", "code is ", " now")
    facts = (code, StubFact(30, 32, "number", "42"))
    ledger = Ledger((LedgerSpan(0, 1, "unsure", "x"),), facts, n_facts=2)
    assert Ledger.from_json(json.loads(json.dumps(ledger.to_json()))) == ledger
    assert (code.bare.text, code.with_words.text) == ("4417", "code is 4417 now")
    assert code.with_words.start == 2
    assert blank(ledger, 0, 3).stub_facts == facts[1:]
    assert blank(ledger, 15, 16).stub_facts == facts[1:]
    assert blank(ledger, 20, 30).stub_facts == facts


def test_the_tokens_of_a_stored_ledger_are_known_without_reading_its_spans() -> None:
    ledger = extract("4K7Q2Z and 2026-03-04")
    data = ledger.to_json()
    assert ledger_tokens(data) == data["tokens"] == ledger.n_tokens
    assert ledger_tokens({"v": 1, "spans": data["spans"]}) == ledger.n_tokens, "an older version's"
    assert ledger_tokens({}) == Ledger().n_tokens == 0


def test_a_ledger_of_a_later_format_is_refused_by_number() -> None:
    with pytest.raises(NewerFormat, match="format 2"):
        Ledger.from_json({"v": 2, "spans": []})


@given(ANY_TEXT, st.integers(0, 250), st.integers(0, 250))
def test_blanking_leaves_nothing_inside_and_everything_outside(
    text: str, start: int, end: int
) -> None:
    ledger = extract(text)
    rest = blank(ledger, start, end)
    assert offsets_of(rest) == offsets_of(ledger) - set(range(start, end))
    assert all(text[span.start : span.end] == span.text for span in rest.spans)


def test_the_cost_of_a_ledger_is_its_facts_one_a_line() -> None:
    ledger = extract("4K7Q2Z and 2026-03-04")
    assert ledger.n_tokens == count_tokens("4K7Q2Z\n2026-03-04")
    assert Ledger().n_tokens == 0
    assert LedgerSpan(0, 6, "identifier", "4K7Q2Z") in ledger.spans


SEEDS = [
    "a", "1", "/", "a/", "\\", "a\\", "`", "`a", "```x\n", "```\n", "http://",
    "a.", "a@", "a.b@", "a:", "1:", "1.", "1,", "1-1-", "1 ",
    "+1", "$1", "_", "aA", "@a", "v1.", "a-", "-", "(1) ", "1 Jan ", "x.y",
    "你", "e\u0301", "www.", "AAAAAA ",
]  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_time_grows_no_faster_than_the_text(seed: str) -> None:
    """A quarter of a megabyte of the worst repetitions we know; a quadratic pattern would take many
    minutes.
    """
    text = (seed * 250_000)[:250_000]
    start = time.process_time()
    extract(text)
    assert time.process_time() - start < 2  # 0.1-0.6 s of CPU on two busy cores
