"""HTML as text: paragraphs, lists, code and links as a person reads them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

__all__ = ["html_text"]

_BLOCKS = {"address", "article", "aside", "blockquote", "div", "dl", "figure", "footer", "form"}
_BLOCKS |= {"h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "nav", "ol", "p", "pre"}
_BLOCKS |= {"section", "table", "ul"}
_ROWS = {"tr", "dt", "dd"}
_HIDDEN = {"script", "style", "head", "template"}


def html_text(html: str) -> str:
    r"""The text of HTML. Blocks stand apart by a blank line, items of a list and rows by a line.

    >>> html_text("<p>Two &amp; three:</p><ul><li>two<li>three</ul>")
    'Two & three:\n\n- two\n- three'
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = "".join(reader.texts)
    return _BLANK_LINES.sub("\n\n", text).strip()


_BLANK_LINES = re.compile(r"(?<![ \t\n])[ \t]*\n[ \t\n]*\n")
"""From the end of a line to the beginning of the next line that is not blank."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._hidden = 0
        self._preformatted = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in _HIDDEN
        self._preformatted += tag == "pre"
        values = dict(attrs)
        if tag == "a":
            self._links.append((values.get("href") or "", len(self.texts)))
        if tag == "img":
            self.texts.append(values.get("alt") or "")
        self.texts.append(_opening(tag, self._last()))

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in _HIDDEN))
        self._preformatted = max(0, self._preformatted - (tag == "pre"))
        if tag == "a" and self._links:
            address, start = self._links.pop()
            label = "".join(self.texts[start:])
            if address.startswith(("http", "mailto:")) and address not in label:
                self.texts.append(f" ({address})")
        if tag in _BLOCKS | _ROWS:
            self.texts.append("\n\n" if tag in _BLOCKS else "\n")

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        self.texts.append(data if self._preformatted else self._in_line(data))

    def _in_line(self, data: str) -> str:
        """Runs of blanks as one; none at the beginning of a line."""
        text = re.sub(r"[ \t\r\n\f]+", " ", data)
        return text.lstrip(" ") if self._last().endswith(("\n", " ")) else text

    def _last(self) -> str:
        """The text before this place; a line break at the beginning."""
        return next((text for text in reversed(self.texts) if text), "\n")


def _opening(tag: str, last: str) -> str:
    """The text that begins an element, after the text before it."""
    if tag == "br":
        return "\n"
    if tag == "li":
        return "\n- "
    if tag in ("td", "th"):
        return "" if last.endswith("\n") else " | "
    return "\n\n" if tag in _BLOCKS and last != "\n- " else ""
