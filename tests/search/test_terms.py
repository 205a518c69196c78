"""Pages are found by the words, identifiers and characters that they hold."""

from collections import Counter
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.search.terms import (
    key,
    question_keys,
    terms,
    top_terms,
    unit_keys,
    words,
)

GATE = "The cats were running to the gate. The gate code is 4K7Q2Z, says Mia."
ORDER = "Dogs and gates: order ORD-2024-881 ships to mia.li@example.com on Friday."
PEKING = "我们明天去北京大学参观。"
CODE = "def parseHttpRequest(raw_bytes): # see src/net/http.py"


@pytest.mark.parametrize(
    ("question", "text", "keys"),
    [
        ("what was the gate code?", GATE, {"gate", "code"}),
        ("4k7q2z", GATE, {"4k7q2z"}),
        ("did the cat run?", GATE, {"cat", "run"}),
        ("order 881", ORDER, {"order", "881"}),
        ("ORD-2024-881", ORDER, {"ord-2024-881"}),
        ("mia.li@example.com", ORDER, {"mia.li@example.com"}),
        ("北京大学在哪里", PEKING, {"北京", "京大", "大学"}),
        ("parse request", CODE, {"pars", "request"}),
        ("raw_bytes", CODE, {"raw_bytes"}),
        ("http.py", CODE, {"http", "py"}),
    ],
)
def test_a_page_is_found_by_what_it_says(question: str, text: str, keys: set[str]) -> None:
    assert keys <= set(question_keys(question)) & set(unit_keys(text))


def test_stop_words_ask_for_nothing_and_neither_does_nothing() -> None:
    assert question_keys("what was it that they were?") == []
    assert question_keys("") == []
    assert unit_keys("what was it that they were?") == unit_keys("") == []


def test_identifiers_are_kept_whole_and_in_parts() -> None:
    assert set(terms("getUserById")) == {"getuserbyid", "get", "user", "id"}
    assert set(terms("ORD-2024-881")) == {"ord-2024-881", "ord", "2024", "881"}
    assert set(terms("snake_case")) == {"snake_case", "snake", "case"}


def test_single_letters_and_digits_are_terms_by_themselves_but_not_as_parts() -> None:
    assert set(terms("x-ray b 犬 é 7")) == {"x-ray", "xray", "ray", "b", "犬", "é", "7"}
    assert terms("a plan I made") == {"plan": 1, "made": 1}


def test_terms_are_counted_in_lower_case_and_stop_words_are_left_out() -> None:
    assert terms("The Gate and the GATE") == {"gate": 2}


def test_unspaced_scripts_become_pairs_of_characters() -> None:
    assert list(terms("北京大学")) == ["北京", "京大", "大学"]
    assert list(terms("犬")) == ["犬"]
    assert set(terms("用Python写")) == {"用", "python", "写"}


def test_contractions_are_stop_words_and_possessives_are_their_nouns() -> None:
    assert terms("I don't and I won't, I can't; we'll see it's his") == {"see": 1}
    assert terms("I don’t, they’ve") == {}
    assert terms("Who won?") == {"won": 1}
    assert unit_keys("John's cats'") == unit_keys("John’s cat") == unit_keys("john cat")


ASKED_AND_WRITTEN = [
    ("C++", "Rewrite it in C++, please."),
    ("c++", "It uses C++17."),
    ("C#", "The server is C#."),
    (".NET", "We are on ASP.NET now"),
    (".net", "Is .NET any good?"),
    ("Zurich", "I live in Zürich."),
    ("Zürich", "I live in ZURICH"),
    ("Lodz", "Mia is from Łódź."),
    ("Istanbul", "İstanbul is old"),
    ("Strasse", "Bahnhofstraße, Straße 5"),
    ("resume", "Her résumé is long"),
    ("Αθηνα", "Αθήνα"),
    ("елка", "Ёлка"),
    ("x", "the value of x is 3"),
    ("B", "we choose plan B"),
    ("7", "Room 7 is free"),
    ("1299", "It cost $1,299.00 then"),
    ("$1,299", "it cost 1299 dollars"),
    ("1,299.00", "it cost 1299.00 dollars"),
    ("May 8", "on the 8th"),
    ("7 pm", "dinner at 7pm"),
    ("p.m.", "at 7 pm"),
    ("email", "send an e-mail"),
    ("wifi", "the wi-fi code"),
    ("OBrien's o'brien", "O’Brien called"),
    ("AT&T", "I work at AT&T."),
    ("server", "class HTTPServer:"),
    ("Users", "C:\\Users\\me"),
    ("GPT 4", "ask GPT4"),
    ("书", "这本书很好"),
    ("책", "책을 읽었다"),
    ("हिन्दी", "मुझे हिन्दी आती है"),
]


@pytest.mark.parametrize(("question", "text"), ASKED_AND_WRITTEN)
def test_a_text_is_found_by_other_spellings(question: str, text: str) -> None:
    assert set(question_keys(question)) & set(unit_keys(text))


@pytest.mark.parametrize(
    ("question", "text"),
    [("C", "C++ and C#"), ("C++", "C#"), ("हिन्दू", "हिन्दी"), ("won", "I won't"), ("1299", "12991")],
)
def test_a_text_is_not_found_by_another_word(question: str, text: str) -> None:
    assert not set(question_keys(question)) & set(unit_keys(text))


def test_a_chinese_question_asks_for_pairs_and_only_a_lone_character_for_itself() -> None:
    assert question_keys("北京大学") == ["北京", "京大", "大学"]
    assert unit_keys("大学") == ["大学", "大", "学"]
    assert unit_keys("犬") == question_keys("犬") == ["犬"]


def test_question_keys_are_the_keys_of_terms_each_once() -> None:
    assert question_keys("Cats, cats and the CAT's gate") == ["cat", "gate"]
    assert unit_keys("Cats, cats") == ["cat", "cat"]


def test_terms_say_where_they_stand() -> None:
    text = "See the gate: 北京 at src/a.py"
    assert [text[start:end] for start, end, _ in words(text)] == [
        "See",
        "the",
        "gate",
        "北京",
        "at",
        "src/a.py",
    ]


def test_only_plain_words_are_stemmed() -> None:
    assert key("running") == key("runs") == "run"
    assert key("went") == key("going") == key("go")
    assert key("children") == key("child")
    assert key("b-series") == "b-series"
    assert key("4k7q2z") == "4k7q2z"


def test_top_terms_prefer_what_is_rare_among_pages() -> None:
    counts = {"gate": 3, "4k7q2z": 1, "mia": 2, "weather": 3}
    frequencies = {"gate": 90, "weather": 100, "mia": 5, "4k7q2z": 1}
    assert list(top_terms(counts, 2, frequencies, 100)) == ["mia", "4k7q2z"]
    assert top_terms(counts, 1) == {"weather": 3}
    assert top_terms({"word": 1, "a1": 1, "longer": 1}, 2) == {"a1": 1, "longer": 1}
    assert top_terms(counts, 0) == {}


@given(st.text(max_size=200))
def test_any_text_has_terms_that_find_it(text: str) -> None:
    counts = terms(text)
    assert isinstance(counts, Counter)
    for term in list(counts)[:5]:
        if term in terms(term):  # a part of an identifier may be a stop word or no word by itself
            assert set(question_keys(term)) & set(unit_keys(text))


@given(st.text(max_size=200))
def test_keys_are_those_of_the_terms(text: str) -> None:
    """The fast way to the keys of a unit against the plain one."""
    keys = {key(term) for term in terms(text)}
    assert set(question_keys(text)) == keys
    assert keys <= set(unit_keys(text))


@pytest.mark.parametrize(
    "pattern",
    ["a", "aA", "a-", "+", "a++", "1,", "1,234", ".", "'", "a'", "e\u0301", "aé中1-", "C#"],
)
def test_the_time_for_words_is_linear_in_any_text(pattern: str) -> None:
    """A word of 200,000 characters would take minutes by a pattern that goes back and forth."""
    start = process_time()
    unit_keys(pattern * (200_000 // len(pattern)))
    assert process_time() - start < 5
