"""Questions: what they ask for, when, and of whom; small talk asks for nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from optical_memory.search.build import day_number
from optical_memory.search.question import Question
from optical_memory.search.segment import NO_DAY

NOW = datetime(2024, 2, 1, tzinfo=UTC)


def question(text: str) -> Question:
    return Question.of(text, NOW)


@pytest.mark.parametrize("text", ["hi", "Hello!", "ok, thanks", "Yes.", "", " ?", "good morning"])
def test_small_talk_asks_for_nothing(text: str) -> None:
    assert question(text).is_empty
    assert question(text).keys == ()


@pytest.mark.parametrize("text", ["hi Melanie", "gate?", "What about yesterday?", "4417"])
def test_a_term_or_a_time_is_enough_to_ask(text: str) -> None:
    assert not question(text).is_empty


def test_a_term_is_asked_for_once() -> None:
    assert question("The heron, herons, and the heron's nest").keys.count("heron") == 1


@pytest.mark.parametrize(
    ("text", "identifiers"),
    [
        ("Where is parcel PX-712?", {"px-712"}),
        ("gate code 4417", {"4417"}),
        ("What happened in 2023?", set()),
        ("The 12th at 10am, or the 1990s", set()),
        ("two herons", set()),
    ],
)
def test_numbers_and_codes_are_identifiers_but_years_days_and_hours_are_none(
    text: str, identifiers: set[str]
) -> None:
    asked = question(text)
    assert {asked.keys[i] for i in asked.identifiers} == identifiers


@pytest.mark.parametrize(
    ("text", "says_i", "says_you"),
    [
        ("Where is my key?", True, False),
        ("What did you tell me?", True, True),
        ("What did Ann say?", False, False),
        ("我的钥匙在哪里?", True, False),
        ("你说了什么?", False, True),
        ("Is the ninth of May in myth?", False, False),
        ("Is yours green?", False, True),
    ],
)
def test_a_question_of_me_or_of_you_says_so(text: str, says_i: bool, says_you: bool) -> None:
    asked = question(text)
    assert (asked.says_i, asked.says_you) == (says_i, says_you)


@pytest.mark.parametrize(
    "text",
    [
        "What painters did you recommend to me?",
        "Which books have you already told me about?",
        "What was the game you once suggested?",
        "The recipe you've given me, please",
        "你曾经给我推荐过哪些画家?",
        "你告诉过我哪些缓解压力的方法?",
    ],
)
def test_a_question_of_what_the_assistant_said_says_so(text: str) -> None:
    assert question(text).asks_what_you_said


@pytest.mark.parametrize(
    "text",
    [
        "Can you tell me when Ann moved?",
        "Would you recommend the heron?",
        "Could you explain what I said?",
        "What did I tell you about Ann?",
        "我告诉你什么?",
        "Which painters do I like?",
    ],
)
def test_a_request_is_no_question_of_what_the_assistant_said(text: str) -> None:
    assert not question(text).asks_what_you_said


@pytest.mark.parametrize(
    ("text", "asks_for_number"),
    [
        ("When did Ann move?", True),
        ("How many herons are there?", True),
        ("How long was the talk?", True),
        ("Where does Ann live?", False),
        ("什么时候去的?", True),
    ],
)
def test_when_and_how_many_ask_for_numbers(text: str, asks_for_number: bool) -> None:
    assert question(text).asks_for_number == asks_for_number


def test_a_speaker_is_named_by_any_of_the_words_of_the_name() -> None:
    asked = question("What does MELANIE like?")
    assert asked.names_speaker("Melanie Jones")
    assert not asked.names_speaker("Mel")
    assert not question("What does he like?").names_speaker("Ann")
    assert question("What is Ann's dog called?").names_speaker("Ann")


def days(start: date, end: date) -> tuple[int, int]:
    return day_number(start), day_number(end)


def test_the_days_of_a_question_are_ranges() -> None:
    session = days(date(2022, 1, 1), date(2024, 1, 31))
    asked = question("What happened in May 2023?")
    assert asked.day_ranges(*session) == [(*days(date(2023, 5, 1), date(2023, 5, 31)), False)]
    day = question("What happened on 8 May 2023?")
    assert day.day_ranges(*session) == [(*days(date(2023, 5, 8), date(2023, 5, 8)), True)]


def test_a_month_without_a_year_is_that_month_of_each_year_of_the_session() -> None:
    session = days(date(2022, 1, 1), date(2024, 1, 31))
    ranges = question("What did we do in May?").day_ranges(*session)
    assert sorted(ranges) == [
        (*days(date(2022, 5, 1), date(2022, 5, 31)), False),
        (*days(date(2023, 5, 1), date(2023, 5, 31)), False),
    ]


def test_a_session_without_times_has_no_days() -> None:
    assert question("in May 2023").day_ranges(NO_DAY, NO_DAY) == []
    assert question("gate code").day_ranges(*days(date(2022, 1, 1), date(2024, 1, 31))) == []
