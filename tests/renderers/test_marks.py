"""Marks: who speaks and when, short, and never the same for two people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.errors import LayoutError
from optical_memory.pages import Grid, Page
from optical_memory.renderers.layout import PlacedTurn, paginate
from optical_memory.turns import Turn


def pages_of(turns: list[Turn], grid: Grid | None = None) -> list[Page]:
    return paginate([PlacedTurn(turn, f"t{i}", i + 1) for i, turn in enumerate(turns)], grid)


def test_marks_say_number_role_name_and_time_only_when_they_change() -> None:
    noon = datetime(2024, 5, 1, 12, 0)
    later = datetime(2024, 5, 1, 12, 7)
    turns = [
        Turn("user", "a", "Ann", noon),
        Turn("assistant", "b", "Bo", noon),
        Turn("user", "c", "Ann", later),
        Turn("tool", "d"),
        Turn("system", "e"),
        Turn("user", "f", "Cy", datetime(2024, 5, 2, 12, 7)),
    ]
    page = pages_of(turns)[0]
    assert page.lines == (
        "1> Ann, 2024-05-01 12:00: a",
        "2< Bo: b",
        "3> 12:07: c",
        "4= d",
        "5! e",
        "6> Cy, 2024-05-02 12:07: f",
    )


def test_a_turn_without_a_name_never_reads_as_the_named_turn_before_it() -> None:
    turns = [
        Turn("user", "I pay 5.", "Ann"),
        Turn("user", "I pay 9."),
        Turn("user", "I too."),
        Turn("assistant", "Thanks."),
        Turn("user", "ok", "Ann"),
    ]
    assert pages_of(turns)[0].lines == (
        "1> Ann: I pay 5.",
        "2> user: I pay 9.",
        "3> I too.",
        "4< Thanks.",
        "5> Ann: ok",
    )


@given(st.lists(st.text("ab ", min_size=1, max_size=70), min_size=2, max_size=6, unique=True))
def test_two_names_never_look_the_same_on_a_page(names: list[str]) -> None:
    names = list(dict.fromkeys(" ".join(name.split()) for name in names if name.strip()))
    turns = [Turn("assistant", "x", name) for name in names]
    marks = [
        line.partition("< ")[2].removesuffix(": x")
        for page in pages_of(turns)
        for line in page.lines
    ]
    assert len(set(marks)) == len(names)


def test_long_names_keep_their_end_and_leave_room_for_the_time() -> None:
    noon = datetime(2024, 5, 1, 12, 0)
    turns = [
        Turn("assistant", "Buy.", "harbour_weather_service_north"),
        Turn("assistant", "Sell.", "harbour_weather_service_south", noon),
    ]
    assert pages_of(turns)[0].lines == (
        "1< harbour_wea~ervice_north: Buy.",
        "2< harbour~ce_south, 2024-05-01 12:00: Sell.",
    )


def test_a_mark_tells_the_zone_when_it_changes() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    times = [
        datetime(2024, 5, 1, 12, 0, tzinfo=UTC),
        datetime(2024, 5, 1, 12, 1, tzinfo=UTC),
        datetime(2024, 5, 1, 12, 1, tzinfo=east),
    ]
    page = pages_of([Turn("user", "x", when=time) for time in times])[0]
    assert page.lines == (
        "1> 2024-05-01 12:00 UTC: x",
        "2> 12:01: x",
        "3> 12:01 +05:30: x",
    )


def test_a_page_says_names_and_dates_again_and_marks_a_turn_that_goes_on() -> None:
    turns = [Turn("user", "word " * 80, "Ann", datetime(2024, 5, 1, 12, 0))]
    first, second = pages_of(turns, Grid(102, 3, 2))
    assert first.lines[0].startswith("1> Ann, 2024-05-01 12:00: word")
    assert second.lines[0].startswith("1>+ Ann, 2024-05-01 12:00: word")
    assert first.layout.spans[0].more
    assert second.layout.spans[0].resumed


def test_a_grid_that_is_too_narrow_for_a_mark_is_refused() -> None:
    with pytest.raises(LayoutError, match="more columns"):
        pages_of([Turn("user", "hi")], Grid(10, 6, 1))
