"""The times that a question names: days, weeks, months, seasons and years."""

import pytest
from support.timed_questions import SINGLE_TIMES, times_of


@pytest.mark.parametrize(("question", "day", "grain"), SINGLE_TIMES)
def test_a_time_is_read(question: str, day: str, grain: str) -> None:
    assert times_of(question) == [(day, grain, None)]


REPEATED_TIMES = [
    ("in May", "2023-05-01", "month", "year"),
    ("in may", "2023-05-01", "month", "year"),
    ("early March", "2024-03-01", "month", "year"),
    ("September?", "2023-09-01", "month", "year"),
    ("on 8 May", "2023-05-08", "day", "year"),
    ("on may 8", "2023-05-08", "day", "year"),
    ("May 8", "2023-05-08", "day", "year"),
    ("May the fourth", "2023-05-04", "day", "year"),
    ("on Feb 29", "2024-02-29", "day", "year"),
    ("in the spring", "2024-03-01", "season", "year"),
    ("over the winter", "2023-12-01", "season", "year"),
    ("on Tuesday", "2024-03-12", "day", "week"),
    ("Friday's call", "2024-03-15", "day", "week"),
    ("on fri", "2024-03-15", "day", "week"),
    ("on Tuesdays", "2024-03-12", "day", "week"),
    ("over the weekend", "2024-03-09", "day", "week"),
    ("5月8日", "2023-05-08", "day", "year"),
    ("五月", "2023-05-01", "month", "year"),
    ("十二月二十五号", "2023-12-25", "day", "year"),
    ("春天", "2024-03-01", "season", "year"),
    ("星期天", "2024-03-10", "day", "week"),
    ("周末", "2024-03-09", "day", "week"),
]


@pytest.mark.parametrize(("question", "day", "grain", "repeats"), REPEATED_TIMES)
def test_a_time_without_a_year_is_that_of_every_year(
    question: str, day: str, grain: str, repeats: str
) -> None:
    """The range itself is the nearest that has begun."""
    assert times_of(question) == [(day, grain, repeats)]


@pytest.mark.parametrize(
    ("question", "days"),
    [
        ("in May and June", ["2023-05-01", "2023-06-01"]),
        ("from March to May", ["2024-03-01", "2023-05-01"]),
        ("May 8 and June", ["2023-05-08", "2023-06-01"]),
        ("between 2021 and 2022", ["2021-01-01", "2022-01-01"]),
        ("on 05/08/2023", ["2023-05-08", "2023-08-05"]),
        ("yesterday or on Monday", ["2024-03-14", "2024-03-11"]),
        ("yesterday, yesterday", ["2024-03-14"]),
        ("去年五月和昨天 in 2019", ["2019-01-01", "2023-05-01", "2024-03-14"]),
    ],
)
def test_each_time_of_a_question_is_read_once(question: str, days: list[str]) -> None:
    assert [day for day, _, _ in times_of(question)] == days


@pytest.mark.parametrize(
    "question",
    [
        "",
        "May I come in?",
        "Who may ask? You may 8 times.",
        "this may be",
        "Did they march on?",
        "the march on Washington",
        "this march",
        "the sun",
        "on the sun",
        "it sat down",
        "we wed",
        "the last sat there",
        "What did April and June say to August?",
        "a message from May",
        "an august house",
        "wait a second",
        "the second of them",
        "PyCharm 2023.1",
        "version 2023.1.2 of 2023.1",
        "in 2000 words",
        "2,022 people",
        "id ORD-2024-881",
        "spring rolls in Spring Boot",
        "did I fall?",
        "in the fall of Rome",
        "on 30 February",
        "2023-13-45",
        "9999 years ago",
        "in 30 days",
        "Black Friday",
        "the price is 8",
        "五月天",
        "三周年",
        "一个月",
        "月亮",
        "2月30日",
    ],
)
def test_other_words_are_no_times(question: str) -> None:
    assert times_of(question) == []
