"""Words of a conversation are words in a report, never markup."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from optical_memory.measure.demo_report import html_report
from optical_memory.measure.finding.svg import Drawing

HOSTILE = (
    '"><script>alert(1)</script><img src=x onerror=alert(1)>\' onload="x" {{ 7 * 7 }} &lt;b&gt;'
)


class Elements(HTMLParser):
    """The elements and attributes of a page, and its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.words += data


def assert_only_words(page: str, n: int) -> None:
    elements = Elements(page)
    assert elements.names.isdisjoint({"script", "iframe", "object", "b"})
    assert not any(name.startswith("on") for name in elements.attributes)
    assert elements.words.count(HOSTILE) == n


def test_an_html_report_shows_markup_as_words() -> None:
    fields = ("question", "answer", "provenance", "certainty", "excerpt")
    answer: dict[str, Any] = {"rank": 1} | dict.fromkeys(fields, HOSTILE)
    page = html_report(
        title=HOSTILE,
        reader=HOSTILE,
        notes=[HOSTILE],
        headings=[HOSTILE],
        table=[[HOSTILE]],
        answers=[answer],
        pages=[],
        sheet=None,
    )
    assert_only_words(page, 11)
    assert "49" not in Elements(page).words


def test_a_figure_shows_markup_as_words() -> None:
    drawing = Drawing(100, 100)
    drawing.words((1, 1), HOSTILE)
    assert_only_words(drawing.text(), 1)
