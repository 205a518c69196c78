"""A question's times are read as days, weeks, months, seasons and years, and its kind is known."""

from datetime import date, datetime, timedelta
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.search.times import TimeRange, ask_times, has_time_or_number, question_kind

NOW = datetime(2024, 3, 15, 12)  # a Friday
QUARTER = timedelta(days=92)


def told(question: str) -> list[tuple[str, str, str | None]]:
    """(first day, grain, repeats) of each time."""
    return [(str(time.start), time.grain, time.repeats) for time in ask_times(question, NOW)]


SINGLE_TIMES = [
    ("What broke on 2023-05-08?", "2023-05-08", "day"),
    ("at 2023-05-08T10:00", "2023-05-08", "day"),
    ("2023/5/8", "2023-05-08", "day"),
    ("on 8.5.2023", "2023-05-08", "day"),
    ("on 25/12/2022", "2022-12-25", "day"),
    ("on 12/25/2022", "2022-12-25", "day"),
    ("in 2023-05", "2023-05-01", "month"),
    ("on May 8th, 2023", "2023-05-08", "day"),
    ("on the 8th of May, 2023", "2023-05-08", "day"),
    ("Monday, 8 May 2023", "2023-05-08", "day"),
    ("on the first of May last year", "2023-05-01", "day"),
    ("May 8 of 2022", "2022-05-08", "day"),
    ("in May 2023", "2023-05-01", "month"),
    ("in Sept. 2022", "2022-09-01", "month"),
    ("in May of last year", "2023-05-01", "month"),
    ("May '22", "2022-05-01", "month"),
    ("the summer of 2022", "2022-06-01", "season"),
    ("in winter 2022", "2022-12-01", "season"),
    ("the first week of August 2023", "2023-08-01", "week"),
    ("the last weekend in May 2023", "2023-05-27", "day"),
    ("in 2022", "2022-01-01", "year"),
    ("since 2019?", "2019-01-01", "year"),
    ("last March", "2023-03-01", "month"),
    ("last february", "2024-02-01", "month"),
    ("this March", "2024-03-01", "month"),
    ("next May", "2024-05-01", "month"),
    ("last summer", "2023-06-01", "season"),
    ("last winter", "2023-12-01", "season"),
    ("this fall", "2024-09-01", "season"),
    ("last year", "2023-01-01", "year"),
    ("this year", "2024-01-01", "year"),
    ("last month", "2024-02-01", "month"),
    ("this week", "2024-03-11", "week"),
    ("last week's plan", "2024-03-04", "week"),
    ("next week", "2024-03-18", "week"),
    ("last weekend", "2024-03-09", "day"),
    ("the week before last", "2024-02-26", "week"),
    ("last Tuesday", "2024-03-12", "day"),
    ("last Friday", "2024-03-08", "day"),
    ("this Tuesday", "2024-03-12", "day"),
    ("next Friday", "2024-03-22", "day"),
    ("Tuesday of last week", "2024-03-05", "day"),
    ("yesterday", "2024-03-14", "day"),
    ("the day before yesterday", "2024-03-13", "day"),
    ("last night", "2024-03-14", "day"),
    ("today", "2024-03-15", "day"),
    ("tonight", "2024-03-15", "day"),
    ("this morning", "2024-03-15", "day"),
    ("tomorrow", "2024-03-16", "day"),
    ("three days ago", "2024-03-12", "day"),
    ("two weeks ago", "2024-02-26", "week"),
    ("a couple of weeks ago", "2024-02-26", "week"),
    ("a month ago", "2024-02-01", "month"),
    ("4 years ago", "2020-01-01", "year"),
    ("an hour ago", "2024-03-15", "day"),
    ("48 hours ago", "2024-03-13", "day"),
    ("a few days ago", "2024-03-09", "week"),
    ("the last three weeks", "2024-02-23", "month"),
    ("in the past month", "2024-02-14", "month"),
    ("2023年5月8日", "2023-05-08", "day"),
    ("二〇二三年五月八号", "2023-05-08", "day"),
    ("2023年5月", "2023-05-01", "month"),
    ("1997年", "1997-01-01", "year"),
    ("去年", "2023-01-01", "year"),
    ("去年夏天", "2023-06-01", "season"),
    ("去年5月8日", "2023-05-08", "day"),
    ("今年三月", "2024-03-01", "month"),
    ("大前年", "2021-01-01", "year"),
    ("昨天", "2024-03-14", "day"),
    ("前天", "2024-03-13", "day"),
    ("今晚", "2024-03-15", "day"),
    ("上周三", "2024-03-06", "day"),
    ("上個禮拜天", "2024-03-10", "day"),
    ("上周末", "2024-03-09", "day"),
    ("这周", "2024-03-11", "week"),
    ("上个月", "2024-02-01", "month"),
    ("上个月5号", "2024-02-05", "day"),
    ("三天前", "2024-03-12", "day"),
    ("两年前", "2022-01-01", "year"),
    ("三个月前", "2023-12-01", "month"),
    ("几天前", "2024-03-07", "week"),
    ("半年前", "2023-09-01", "month"),
]


@pytest.mark.parametrize(("question", "day", "grain"), SINGLE_TIMES)
def test_a_time_is_read(question: str, day: str, grain: str) -> None:
    assert told(question) == [(day, grain, None)]


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
    assert told(question) == [(day, grain, repeats)]


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
    assert [day for day, _, _ in told(question)] == days


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
    assert told(question) == []


def test_a_time_covers_its_days_and_their_repeats() -> None:
    (may,) = ask_times("in May", NOW)
    assert may.covers(date(2023, 5, 31))
    assert may.covers(date(1999, 5, 1))
    assert not may.covers(date(2023, 6, 1))
    assert may.between(date(2022, 5, 10), date(2023, 12, 31)) == [
        (date(2022, 5, 1), date(2022, 6, 1)),
        (date(2023, 5, 1), date(2023, 6, 1)),
    ]
    (winter,) = ask_times("in the winter", NOW)
    assert winter.covers(date(2020, 1, 15))
    assert winter.covers(date(2020, 12, 15))
    (leap_day,) = ask_times("on Feb 29", NOW)
    assert leap_day.between(date(2019, 1, 1), date(2021, 1, 1)) == [
        (date(2020, 2, 29), date(2020, 3, 1))
    ]
    (tuesday,) = ask_times("on Tuesday", NOW)
    assert tuesday.covers(date(2020, 3, 10))
    assert not tuesday.covers(date(2020, 3, 11))
    (year,) = ask_times("in 2022", NOW)
    assert year.covers(date(2022, 12, 31))
    assert not year.covers(date(2023, 1, 1))


@given(
    st.dates(date(1990, 1, 1), date(2090, 1, 1)),
    st.integers(1, 300),
    st.sampled_from(["week", "year", None]),
    st.dates(date(1990, 1, 1), date(2090, 1, 1)),
)
def test_the_ranges_between_two_days_are_those_that_have_a_day_of_them(
    start: date, n_days: int, repeats: str | None, first: date
) -> None:
    n_days = min(n_days, 7) if repeats == "week" else n_days
    end = start + timedelta(days=n_days)
    time = TimeRange(start, end, "day", repeats)  # type: ignore[arg-type]
    last = first + QUARTER
    ranges = time.between(first, last)
    assert ranges == sorted(ranges)
    assert all(start <= last and first < end for start, end in ranges)
    for i in range(QUARTER.days + 1):
        day = first + timedelta(days=i)
        assert time.covers(day) == any(start <= day < end for start, end in ranges)


@given(st.datetimes(), st.sampled_from([question for question, *_ in SINGLE_TIMES]))
def test_any_day_may_be_today(now: datetime, question: str) -> None:
    """At the edges of the calendar a time may be no day at all."""
    for time in ask_times(question, now):
        assert time.start < time.end


@given(st.text(st.sampled_from("0123456789 -/.,年月日周上前五十Mayjunthofls")), st.datetimes())
def test_no_text_fails(text: str, now: datetime) -> None:
    for time in ask_times(text, now):
        assert time.start < time.end
        time.between(date.min, date.min + QUARTER)
        time.between(date.max - QUARTER, date.max)
    question_kind(text)
    has_time_or_number(text)


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
    assert told(f"What broke yesterday? {paste}") == told(f"{paste} What broke yesterday?")
    assert told("yesterday")[0] in told(f"{paste} What broke yesterday?")
    assert question_kind(f"{paste}\nWhen was it?") == {"when"}
