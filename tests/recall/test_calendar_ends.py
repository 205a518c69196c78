"""Turns at the ends of the calendar, which many programs write for "no time" and "for ever"."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from support.memories import Open

from optical_memory import Turn

EAST = timezone(timedelta(hours=14))
WEST = timezone(timedelta(hours=-14))


@pytest.mark.parametrize("zone", [None, UTC, EAST, WEST])
def test_a_turn_at_an_end_of_the_calendar_is_found_and_hides_no_other(
    opened: Open, zone: timezone | None
) -> None:
    memory = opened(keep_turns=0)
    first = Turn("user", "The first heron.", when=datetime.min.replace(tzinfo=zone))
    last = Turn("user", "The last heron.", when=datetime.max.replace(tzinfo=zone))
    memory.remember([first, last, Turn("user", "A heron between.", when=datetime(2026, 3, 1))])
    texts = {passage.text for passage in memory.recall("heron", 5)}
    assert texts == {"The first heron.", "The last heron.", "A heron between."}
    assert [p.text for p in memory.recall("heron", before=date.min)] == ["The first heron."]
    assert [p.text for p in memory.recall("heron", after=date.max)] == ["The last heron."]
    assert len(memory.context("heron", budget=1000).to_messages()) > 0
    memory.flush()
    assert memory.check() == []
