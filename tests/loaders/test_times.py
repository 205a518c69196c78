"""Times as people and programs write them; the order of day and month of a whole file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.errors import InputError
from optical_memory.loaders import file_times, moment_or_none, openai_messages
from optical_memory.loaders.times import moment, parse_moment

NOON = datetime(2024, 2, 9, 12, 5)
NOON_UTC = NOON.replace(tzinfo=UTC)
SECONDS = int(NOON_UTC.timestamp())


def east(hours: float) -> timezone:
    return timezone(timedelta(hours=hours))


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-09T12:05:00",
        "2024-02-09 12:05",
        "2024/2/9 12:05",
        "2024/02/09 (Fri) 12:05",
        "9.2.2024, 12:05",
        "09.02.24 12.05.00",
        "9.2.2024 klo 12.05",
        "Feb 9, 2024 12:05 PM",
        "February 9th, 2024 at 12:05 pm",
        "9 February 2024, 12:05",
        "12:05 pm on 9 February, 2024",
        "9. Februar 2024 12:05 Uhr",
        "9 de febrero de 2024, 12:05",
        "Fri Feb 09 12:05:00 2024",
        "2024年2月9日 下午12:05",
        "2024. 2. 9. 오후 12:05",
        "9-Feb-2024 12:05",
        "2024-02-09, 12:05\u202fp.m.",
        "\u200e9.2.2024,\u00a012:05",
        "٢٠٢٤/٢/٩، ١٢:٠٥ م",
        "20240209120500",
    ],
)
def test_a_time_without_a_zone_is_read_as_people_write_it(text: str):
    assert moment_or_none(text) == NOON


@pytest.mark.parametrize(
    "value",
    [
        "2024-02-09T12:05:00Z",
        "2024-02-09T12:05:00.000000000Z",
        "2024-02-09 12:05:00 UTC",
        "2024-02-09 12:05:00 +00:00",
        "Fri, 9 Feb 2024 13:05:00 +0100",
        "Fri, 9 Feb 2024 13:05:00 CET",
        "Fri Feb 09 2024 13:05:00 GMT+0100 (Central European Standard Time)",
        "2024-02-09 13:05 Europe/Berlin",
        "2024-02-09T13:05[Europe/Berlin]",
        "Feb 9, 2024 5:35 PM GMT+5:30",
        SECONDS,
        float(SECONDS),
        SECONDS * 10**3,
        SECONDS * 10**6,
        SECONDS * 10**9,
        str(SECONDS),
        f"{SECONDS}.0",
        str(SECONDS * 10**3),
        {"$date": "2024-02-09T12:05:00Z"},
        {"$date": {"$numberLong": str(SECONDS * 10**3)}},
        {"_seconds": SECONDS, "_nanoseconds": 5},
    ],
)
def test_a_time_with_a_zone_is_the_same_moment_however_it_is_written(value: object):
    assert moment_or_none(value) == NOON_UTC


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("2024-02-09T12:05:00+05:30", 5.5),
        ("9 Feb 2024 12:05 -0800", -8),
        ("9 Feb 2024 12:05 PST", -8),
        ("2024-07-09 12:05 America/New_York", -4),
    ],
)
def test_the_zone_is_kept(text: str, offset: float):
    time = parse_moment(text)
    assert time is not None
    assert time.utcoffset() == timedelta(hours=offset)


@pytest.mark.parametrize(
    "value",
    [
        *("today", "Yesterday at 5 PM", "tomorrow", "12:05", "May 2023", "2024", "1.3", "-1"),
        *("version 1.2.2024", "3/4/2024", "31/31/2024", "30.2.2024", "9 Foo 2024", "x" * 10**6),
        *("2024-02-09 25:00", "2024-02-09 14:05 AM", "2024-02-09 12:05 CST", "2024-02-09 x"),
        *("0001-01-01T00:00:00Z", "9999999999999999999"),
        *(0, 1.3, 86_400, 20_240_209, -SECONDS, float("nan"), float("inf"), 10**30, True),
        *(None, "", [], {}, {"$date": None}, {"seconds": "soon"}),
    ],
)
def test_any_other_value_is_no_time(value: object):
    assert moment_or_none(value) is None


def test_an_odd_time_is_refused_with_its_place_only_if_it_is_asked_for():
    with pytest.raises(InputError, match=r"x\[3\]: 'tomorrow' is no time"):
        moment("tomorrow", "x[3]")
    (conversation,) = openai_messages(
        [
            {"role": "user", "content": "hi", "created_at": "tomorrow"},
            {"role": "user", "content": "a"},
        ]
    )
    assert [turn.when for turn in conversation.turns] == [None, None]


@pytest.mark.parametrize(
    ("dates", "order"),
    [
        (["1/12/2024", "1/13/2024"], "mdy"),
        (["12/1/2024", "13/1/2024"], "dmy"),
        (["1/10/2024", "2/10/2024", "3/9/2024"], "mdy"),  # in the other order time runs back
        (["1/10/2024", "1/11/2024", "10/2/2025", "1/3/2025"], "dmy"),
        (["Thu, 3/5/2026", "3/6/2026"], "mdy"),  # 3 May is a Sunday
        (["24-11-10", "24-12-01", "25-01-02"], "ymd"),
    ],
)
def test_one_date_or_the_order_of_time_decides_for_all(dates: list[str], order: str):
    times = file_times(dates)
    assert (times.order.order, times.order.is_guess) == (order, False)
    assert None not in times.times


@pytest.mark.parametrize(
    ("dates", "order"),
    [
        (["3/4/2024"], "dmy"),
        (["3/4/24, 10:35\u202fPM"], "mdy"),  # as the United States write it
        (["3/4/2024, 10:35:00 PM"], "mdy"),
        (["03/04/2024, 10:35 PM"], "dmy"),
        (["1/5/2024", "1/6/2024"], "mdy"),  # a day apart, not a month
        (["05/01/2024", "06/01/2024"], "dmy"),
    ],
)
def test_if_nothing_decides_the_order_is_a_guess_that_is_told(dates: list[str], order: str):
    times = file_times(dates)
    assert (times.order.order, times.order.is_guess) == (order, True)
    assert "day_first" in times.order.reason


def test_the_caller_may_decide():
    assert file_times(["3/4/2024"], day_first=False).times == (datetime(2024, 3, 4),)
    assert parse_moment("3/4/2024", day_first=True) == datetime(2024, 4, 3)


def test_dates_that_contradict_each_other_give_no_time_but_those_that_have_one_reading():
    times = file_times(["1/13/2024", "13/1/2024", "3/4/2024"])
    assert times.times == (datetime(2024, 1, 13), datetime(2024, 1, 13), None)
    assert "contradict" in times.order.reason


MOMENTS = st.datetimes(datetime(1975, 1, 1), datetime(2069, 1, 1)).map(
    lambda time: time.replace(microsecond=0)
)


@given(MOMENTS, st.integers(-12 * 4, 14 * 4))
def test_a_moment_comes_back_from_every_form(time: datetime, quarters: int):
    zone = timezone(timedelta(minutes=15 * quarters))
    forms = ["%d.%m.%y, %H:%M:%S", "%Y/%m/%d %I:%M:%S %p", "%B %d, %Y at %I:%M:%S %p", "%c"]
    assert {parse_moment(time.strftime(form)) for form in forms} == {time}
    aware = time.replace(tzinfo=zone)
    for form in ("%a, %d %b %Y %H:%M:%S %z", "%d.%m.%Y %H:%M:%S UTC%z", "%Y-%m-%d %H:%M:%S %z"):
        assert parse_moment(aware.strftime(form)) == aware


@given(st.lists(MOMENTS, min_size=1, max_size=30), st.sampled_from(["%d/%m/%Y", "%m/%d/%y"]))
def test_dates_of_a_file_are_right_or_told(times: list[datetime], form: str):
    days = sorted(time.replace(hour=0, minute=0, second=0) for time in times)
    reading = file_times([day.strftime(form) for day in days])
    if not reading.order.is_guess:
        assert list(reading.times) == days


@given(st.one_of(st.text(max_size=40), st.floats(), st.integers(), st.binary(max_size=4)))
def test_no_value_raises(value: object):
    moment_or_none(value)


@given(st.lists(st.text("0123456789/.-: APM", max_size=20), max_size=8))
def test_no_texts_raise(values: list[str]):
    assert len(file_times(values).times) == len(values)
