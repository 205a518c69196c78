"""Parts whose words are text: what was said, what a model thought, and the sources of an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from optical_memory.loaders.messages.attachments import encrypted, signatures
from optical_memory.loaders.messages.content import (
    Content,
    Fields,
    PartReader,
    ReadContent,
    first_text,
    has_words,
    join,
    text_content,
)
from optical_memory.loaders.payloads import without_payloads

__all__ = [
    "exit_code",
    "nothing",
    "reasoning",
    "source",
    "sources",
    "texts_under",
]


def texts_under(*keys: str) -> PartReader:
    """A reader of parts whose words stand under these keys, with the sources beside them."""

    def read(part: Fields, content_of: ReadContent) -> Content:
        words = [content_of(part[key]) for key in keys if key in part]
        return join([*words, sources(part), signatures(part)])

    return read


def reasoning(part: Fields, content_of: ReadContent) -> Content:
    """What a model thought: its words, in any provider's form, then what is encrypted of it."""
    keys = ("thinking", "reasoning", "text", "summary", "content", "details", "reasoningText")
    words = [content_of(part.get(key)) for key in keys]
    return join([*words, encrypted(part.get("data"), "redacted thinking"), signatures(part)])


def nothing(part: Fields, content_of: ReadContent) -> Content:
    """The reader of parts without words: marks of caches, steps and references to items."""
    return Content()


def exit_code(code: Any) -> Content:
    """The exit code of a program as words, if that was no success."""
    is_failure = isinstance(code, int) and code != 0
    return text_content(f"exit code {code}") if is_failure else Content()


# ---- sources -------------------------------------------------------------------------------------

_TITLES = ("title", "document_title", "documentTitle", "filename")
_ADDRESSES = ("url", "uri", "source", "file_id")
_QUOTES = ("cited_text", "quote", "text")
_LISTS = ("annotations", "citations")


def sources(part: Fields) -> Content:
    """The sources that an answer cites, each in a line, once."""
    lines: dict[str, None] = {}
    for key in _LISTS:
        citations = part.get(key)
        if isinstance(citations, list):
            lines.update(dict.fromkeys(map(_source_line, citations)))
    text = "\n".join(line for line in lines if line)
    return text_content(text) if text else Content()


def source(part: Fields, content_of: ReadContent) -> Content:
    """The reader of a part that is a source by itself; its own words come after its name."""
    inner = part.get("source")
    fields = {**part, **inner} if isinstance(inner, Mapping) else part
    name = _source_line({key: fields.get(key) for key in (*_TITLES, *_ADDRESSES)})
    return join([text_content(name), content_of(fields.get("content")), signatures(part)])


def _source_line(citation: Any) -> str:
    """A source as a line.

    >>> _source_line({"title": "Ferry", "url": "https://example.org/ferry"})
    '[source: Ferry <https://example.org/ferry>]'
    """
    if not isinstance(citation, Mapping):
        return f"[source: {without_payloads(str(citation))}]" if has_words(citation) else ""
    fields = dict(citation)
    for inner in citation.values():
        if isinstance(inner, Mapping):  # OpenAI's `url_citation`, Bedrock's `location`
            fields = {**inner, **fields}
    quote = _quote(fields)
    address = _first(fields, _ADDRESSES)
    words = [_first(fields, _TITLES), f"<{address}>" if address else "", quote]
    text = " ".join(word for word in words if word)
    return f"[source: {text}]" if text else ""


def _first(fields: Fields, keys: Iterable[str]) -> str:
    return without_payloads(first_text(fields, keys) or "")


def _quote(fields: Fields) -> str:
    """The words that are cited, in quotes; Bedrock has a list of them."""
    quote = _first(fields, _QUOTES)
    passages = fields.get("sourceContent")
    if isinstance(passages, list):
        texts = [_first(passage, _QUOTES) for passage in passages if isinstance(passage, Mapping)]
        quote = " ".join([quote, *texts]).strip()
    return f"“{quote}”" if quote else ""
