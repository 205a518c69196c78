"""HTML pages of exports: ChatGPT's `chat.html` holds its data and is read; others are refused with
the file to take in their place.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.chats.chatgpt import chatgpt, is_chatgpt
from optical_memory.loaders.conversation import Conversation
from optical_memory.loaders.files import Document, stem, text_of

__all__ = [
    "html_page",
    "is_html_page",
]

_BEGINNING = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*|(?><!--.*?-->)\s*)*+<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_FRAGMENT = re.compile(r"\s*<(?:div|section|article|main|table|p|ul|ol|script|style|meta)\b[^>]*>")
_END = re.compile(r"</\w+>\s*\Z")
"""A part of a page begins and ends with a tag; Markdown may have tags, but not at both ends."""

_DATA = re.compile(r"\bjsonData\s*=\s*(?=[\[{])")
"""Before the conversations in the script of `chat.html`."""

_WAYS_OUT = (
    ("mdl-cell", "in Google Takeout choose JSON for My Activity, and take MyActivity.json"),
    ("chatlog__", "export the channel with DiscordChatExporter as JSON"),
    ('class="from_name"', "export the chat from Telegram again as JSON, and take result.json"),
)
"""Marks of known pages, and the file to take in their place."""

_WAY_OUT = (
    "take the JSON file of the export (conversations.json of ChatGPT and of Claude.ai, "
    "MyActivity.json of Gemini), or save the chat as Markdown or text"
)


def is_html_page(text: str) -> bool:
    """True if the text begins as a page of HTML, or is a part of one from end to end."""
    beginning = text[:5_000]
    if _BEGINNING.match(beginning):
        return True
    return bool(_FRAGMENT.match(beginning) and _END.search(text[-200:]))


def html_page(source: Path | Document | str) -> list[Conversation]:
    """The conversations in the script of ChatGPT's `chat.html`.

    Raises `InputError` for any other page; it says which file to take.
    """
    text = text_of(source)
    name = stem(source)
    data = _script_data(text)
    if data is not None and is_chatgpt(data):
        return chatgpt(Document(Path(f"{name}.json"), "", data))
    way_out = next((way_out for mark, way_out in _WAYS_OUT if mark in text), _WAY_OUT)
    raise InputError(f"{name}: a page of HTML, made to be looked at; {way_out}")


def _script_data(text: str) -> Any:
    """The data that the page's script holds; None if it holds none that can be read."""
    match = _DATA.search(text)
    if match is None:
        return None
    try:
        return json.JSONDecoder().raw_decode(text, match.end())[0]
    except (ValueError, RecursionError):  # no JSON, a number of too many digits, depth
        return None
