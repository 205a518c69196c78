"""docs/observability.md has the events, the spans and the instruments that the code has."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from optical_memory.session.workers.backlog_watch import LAG_LIMIT
from optical_memory.stores.health.report import PROMISES
from optical_memory.telemetry.event_table import EVENTS
from optical_memory.telemetry.instruments import INSTRUMENTS
from optical_memory.telemetry.prometheus import prometheus_name

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "observability.md").read_text("utf-8")


def rows(header: str) -> list[list[str]]:
    """The cells of each row of the table that begins with this heading."""
    table = TEXT.split(f"\n| {header} |", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.split("\n")[2:]]


def words(cell: str) -> set[str]:
    """The words in backticks."""
    return set(re.findall(r"`([^`]+)`", cell))


def test_the_table_of_events_is_that_of_the_code():
    told = {(name.strip("`"), level): words(fields) for name, level, fields, _ in rows("Event")}
    assert told == {
        (event.name, logging.getLevelName(event.level).lower()): set(
            re.findall(r"%\((\w+)\)", event.message)
        )
        for event in EVENTS
    }


def test_the_table_of_metrics_is_that_of_the_code():
    told = {
        otel.strip("`"): (prometheus.strip("`"), kind, words(labels))
        for otel, prometheus, kind, labels, _ in rows("OpenTelemetry")
    }
    assert told == {
        i.name: (
            prometheus_name(i) + ("_total" if i.kind == "counter" else ""),
            i.kind,
            set(i.labels),
        )
        for i in INSTRUMENTS
    }


def test_the_table_of_promises_is_that_of_doctor():
    assert [row[0] for row in rows("Promise")] == list(PROMISES)


def test_the_limit_of_the_lag_is_told():
    assert f"more than {LAG_LIMIT:.0f} s" in TEXT
