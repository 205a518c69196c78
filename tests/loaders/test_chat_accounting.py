"""No word of an export is dropped in silence: it is in a turn, in the metadata or told as left
out. Names of kinds and ids are not the loaders' to tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from support.chat_files import EXPORTS
from support.load_files import all_text

from optical_memory import loaders

WORD = re.compile(r"[^\W\d_]{4,}")

BOOKKEEPING = {
    "children",
    "content_type",
    "conversation_id",
    "exportType",
    "fileType",
    "from_id",
    "id",
    "mimeType",
    "mime_type",
    "mimetype",
    "mode",
    "parent",
    "role",
    "roleOverride",
    "send_date",
    "sender",
    "sessionId",
    "status",
    "subtype",
    "tool_call_id",
    "type",
    "uuid",
}
"""Keys of kinds, ids and times: they name no words of the conversation."""

MARKS = {
    "claude_ai": {"supported"},  # a text's stand-in for a block, which is read
    "discord": {"helper", "nina"},  # accounts of people who have nicknames
    "gemini_takeout": {"Prompted", "Attached", "file", "code"},  # Google's own, and a tag
    "lm_studio": {"think", "Thought", "seconds"},  # the template's mark, and the time it took
    "slack": {"greta", "gholm", "eyes", "xoxe", "secret"},  # accounts, a reaction, a token
    "telegram": {"File", "included", "Change", "data", "exporting", "settings", "download"},
}
"""Words that the programs add; the generic account of a file tells of them."""


@pytest.mark.parametrize("name", EXPORTS)
def test_every_word_of_an_export_is_kept_or_told(name: str):
    data = EXPORTS[name]()
    texts: list[str] = []
    for conversation in getattr(loaders, name)(data):
        texts += [all_text(conversation), *conversation.meta.values()]
        texts += [item.text for item in conversation.left_out]
    words = set(WORD.findall("\n".join(texts))) | MARKS.get(name, set())
    lost = {word for text in texts_of(data) for word in WORD.findall(text)} - words
    assert not lost


@pytest.mark.parametrize("name", EXPORTS)
def test_what_is_left_out_has_a_place_and_a_reason(name: str):
    for conversation in getattr(loaders, name)(EXPORTS[name]()):
        for item in conversation.left_out:
            assert item.place
            assert item.reason


def texts_of(data: Any, key: str = "") -> Iterator[str]:
    if isinstance(data, str) and key not in BOOKKEEPING:
        yield data
    elif isinstance(data, dict):
        for name, value in data.items():
            yield from texts_of(value, name)
    elif isinstance(data, list):
        for value in data:
            yield from texts_of(value, key)
