"""A demo as one HTML file that needs nothing else: tables, pictures of pages, and marked text."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, Template

from optical_memory.measure.demo_result import PageReading
from optical_memory.recall.recollection import Recollection
from optical_memory.spans import Status

__all__ = [
    "Segment",
    "html_report",
    "segments",
]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a page as read.

    `original` is the right text if the stretch differs from it, else None.
    """

    text: str
    status: Status
    original: str | None = None


def segments(recollection: Recollection, truth: str) -> list[Segment]:
    """The text as read, cut wherever its status changes, or whether it is right.

    A stub has another length than its page and is not compared with it.
    """
    text = recollection.text
    wrong = [char != true for char, true in zip(text, truth, strict=False)]
    if len(text) != len(truth):
        wrong = [False] * len(text)
    parts: list[Segment] = []
    for span in recollection.spans:
        for start, end, is_wrong in _runs(wrong, span.start, span.end):
            original = truth[start:end] if is_wrong else None
            parts.append(Segment(text[start:end], span.status, original))
    return parts


def _runs(flags: Sequence[bool], start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """(start, end, flag) of the runs of equal flags between `start` and `end`."""
    for flag, run in groupby(range(start, end), flags.__getitem__):
        places = list(run)
        yield places[0], places[-1] + 1, flag


def html_report(
    *,
    title: str,
    reader: str,
    notes: Sequence[str],
    headings: Sequence[str],
    table: Sequence[Sequence[str]],
    answers: Sequence[Mapping[str, Any]],
    pages: Sequence[PageReading],
    sheet: bytes | None,
) -> str:
    """The report as HTML. `sheet` is a PNG; each page has its picture and its text as read."""
    return _template().render(
        title=title,
        reader=reader,
        notes=notes,
        headings=headings,
        table=table,
        answers=answers,
        pages=[_page(page, page.recollection) for page in pages if page.recollection is not None],
        sheet=_url(sheet),
    )


def _page(page: PageReading, recollection: Recollection) -> dict[str, Any]:
    return {
        "provenance": recollection.provenance,
        "visual_tokens": page.visual_tokens,
        "ledger_tokens": page.ledger_tokens,
        "text_tokens": page.text_tokens,
        "recall_accuracy": page.recall_accuracy,
        "reader_accuracy": page.reader_accuracy,
        "picture": _url(page.png),
        "segments": segments(recollection, page.truth),
    }


def _url(png: bytes | None) -> str | None:
    return None if png is None else "data:image/png;base64," + base64.b64encode(png).decode()


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("optical_memory.measure"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")
