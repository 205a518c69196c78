"""Ranges of days: what they cover, and their repeats; any text and any day may be asked for."""

from datetime import date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from support.timed_questions import NOW, SINGLE_TIMES

from optical_memory.search.times import TimeRange, ask_times, has_time_or_number, question_kind

QUARTER = timedelta(days=92)


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
