"""The kind of a question, whether a text has a time or a number, and long texts."""

from time import process_time

import pytest
from support.timed_questions import NOW, times_of

from optical_memory.search.times import ask_times, has_time_or_number, question_kind

KINDS = [
    ("When did I go?", "when"),
    ("So when's the party?", "when"),
    ("Do you know when Mia moved?", "when"),
    ("At what time do we meet?", "when"),
    ("Which year was it?", "when"),
    ("days between when I left and when I came", "when"),
    ("我什么时候去的？", "when"),
    ("幾點", "when"),
    ("How much did it cost?", "how_many"),
    ("how old am I", "how_many"),
    ("What is my phone number?", "how_many"),
    ("多少钱", "how_many"),
    ("几个人", "how_many"),
    ("How long did it take?", "how_long"),
    ("多久了", "how_long"),
    ("Who came?", "who"),
    ("Tell me who won", "who"),
    ("With whom did I eat?", "who"),
    ("谁告诉我的", "who"),
    ("where's my key", "where"),
    ("When I was in Rome, where did I stay?", "where"),
    ("Which city did I visit?", "where"),
    ("你在哪里", "where"),
    ("How many weeks did it take?", "how_long how_many"),
    ("How long ago did we meet?", "how_long when"),
    ("Who came, and when?", "when who"),
    ("What did I eat when I was ill?", ""),
    ("When building an app, what breaks?", ""),
    ("my friend who is a doctor", ""),
    ("the place where I was born", ""),
    ("What is my cat's name?", ""),
    ("那个人叫什么", ""),
    ("", ""),
]


@pytest.mark.parametrize(("question", "kinds"), KINDS)
def test_the_kind_of_a_question(question: str, kinds: str) -> None:
    assert question_kind(question) == frozenset(kinds.split())


@pytest.mark.parametrize(
    ("text", "has_time"),
    [
        ("It costs 5 euros", True),
        ("three cats", True),
        ("Last week", True),
        ("see you on Sat", True),
        ("We met in May.", True),
        ("long ago", True),
        ("昨天", True),
        ("三个人", True),
        ("星期一", True),
        ("May I come in?", False),
        ("They sat in the sun to march", False),
        ("What a nice day", False),
        ("很好", False),
        ("", False),
    ],
)
def test_a_text_has_a_time_or_a_number(text: str, has_time: bool) -> None:
    assert has_time_or_number(text) is has_time


@pytest.mark.parametrize(
    "pattern", [" ", "\n", "last ", "5 ", "May ", "in ", "when ", "三", "and,", "("]
)
def test_a_long_text_costs_little(pattern: str) -> None:
    start = process_time()
    question = pattern * (500_000 // len(pattern))
    ask_times(question, NOW)
    question_kind(question)
    has_time_or_number(question)
    assert process_time() - start < 2


def test_the_ends_of_a_long_question_are_read() -> None:
    paste = "word " * 2000
    assert times_of(f"What broke yesterday? {paste}") == times_of(f"{paste} What broke yesterday?")
    assert times_of("yesterday")[0] in times_of(f"{paste} What broke yesterday?")
    assert question_kind(f"{paste}\nWhen was it?") == {"when"}
