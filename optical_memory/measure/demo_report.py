"""A demo as one HTML file that needs nothing else: tables, pages as pictures, and their text with
its trust marked.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, Template

from optical_memory.recall.recollection import Recollection
from optical_memory.spans import Status

if TYPE_CHECKING:
    from optical_memory.measure.demo import PageRead

__all__ = ["Segment", "html_report", "segments"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a page as read: its status, and whether it differs from the `original` (None
    where it does not).
    """

    text: str
    status: Status
    original: str | None = None


def segments(found: Recollection, truth: str) -> list[Segment]:
    """The text as read, cut where its status or its rightness changes. A stub is not held against
    the original.
    """
    same = len(found.text) == len(truth)
    cut: list[Segment] = []
    for span in found.spans:
        for right, part in groupby(
            range(span.start, span.end), lambda i: not same or found.text[i] == truth[i]
        ):
            places = list(part)
            start, end = places[0], places[-1] + 1
            cut.append(
                Segment(found.text[start:end], span.status, None if right else truth[start:end])
            )
    return cut


def html_report(
    *,
    title: str,
    reader: str,
    notes: Sequence[str],
    headings: Sequence[str],
    table: Sequence[Sequence[str]],
    asked: Sequence[dict[str, Any]],
    pages: Sequence[PageRead],
    sheet: bytes | None,
) -> str:
    """The report as HTML; `sheet` is a PNG, `pages` are shown with their pictures and their text as
    read.
    """
    shown = [_page(page) for page in pages if page.found is not None]
    return _template().render(
        title=title,
        reader=reader,
        notes=notes,
        headings=headings,
        table=table,
        asked=asked,
        pages=shown,
        sheet=_url(sheet),
    )


def _page(page: PageRead) -> dict[str, Any]:
    assert page.found is not None
    return {
        "provenance": page.found.provenance,
        "tokens": page.visual_tokens,
        "text_tokens": page.text_tokens,
        "recalled": page.recalled,
        "alone": page.alone,
        "picture": _url(page.png),
        "segments": segments(page.found, page.truth),
    }


def _url(png: bytes | None) -> str | None:
    return None if png is None else "data:image/png;base64," + base64.b64encode(png).decode()


@cache
def _template() -> Template:
    loader = PackageLoader("optical_memory", "templates")
    return Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True
    ).get_template("report.html")
