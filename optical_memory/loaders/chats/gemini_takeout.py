"""Gemini in Google's Takeout: `MyActivity.json`, an activity for each question, the newest first.

The file names no conversations, so all of it is one, in the order of time.
"""

from __future__ import annotations

import re
from typing import Any

from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.exports.fields import (
    attachment_part,
    first_text,
    list_at,
    media_kind,
    objects_at,
    readable,
    seconds_at,
    text_at,
    text_parts,
    time_of,
)
from optical_memory.loaders.exports.markup import html_text
from optical_memory.loaders.exports.reading import (
    SERVICE,
    Reading,
    conversation_of,
    filled_conversations,
    joined,
    read_message,
)
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.messages.content import words_in
from optical_memory.loaders.messages.rows import list_items

__all__ = [
    "gemini_takeout",
    "is_gemini_takeout",
]

_PROMPT = re.compile(
    r"(?:Prompted(?: with:)?|Asked(?: (?:Gemini|Bard):)?|Said|Answered|Branched)\s"
)
"""What Google writes before the words of the person, in English accounts."""

_OTHER_ACTIVITY = re.compile(
    r"(?:Created|Used|Added|Gave|Selected|Shared|Deleted|Viewed|Visited|Edited|Pinned|Renamed"
    r"|Exported|Updated)\s"
)
"""Activities that are no question."""

_N_FILES = re.compile(r"(?<!\s)\s*Attached \d+ files?\.?\s*\Z")


def is_gemini_takeout(data: Any) -> bool:
    """True if one of the first items is an activity of Gemini, or of Bard as it was called."""
    return isinstance(data, list) and any(map(_is_activity, data[:20]))


def gemini_takeout(source: Any) -> list[Conversation]:
    """The conversation of all activities, the oldest first.

    Raises `InputError` if there are no questions.
    """
    data = read_json(source)
    name = stem(source)
    items = list_items(data, name)[::-1]
    items.sort(key=lambda item: seconds_at(item[1], "time"))
    reading = joined(_read(item, place) for place, item in items)
    return filled_conversations([conversation_of(name, reading, {"title": "Gemini Apps"})], name)


def _is_activity(item: Any) -> bool:
    if not isinstance(item, dict) or "title" not in item or "time" not in item:
        return False
    labels = " ".join([text_at(item, "header"), *map(readable, list_at(item, "products"))])
    return "Gemini" in labels or "Bard" in labels


def _read(item: Any, place: str) -> Reading:
    title = text_at(item, "title")
    answers = [_html(html) for html in list_at(item, "safeHtmlItem")]
    answer = "\n\n".join(filter(None, [*answers, text_at(item, "answer")]))
    files = _files(item)
    is_bare = not answer and not files
    if not _PROMPT.match(title) and (is_bare or _OTHER_ACTIVITY.match(title)):
        return Reading(left_out=(LeftOut(place, SERVICE, words_in(item)),))
    time = time_of(item.get("time"))
    question = _N_FILES.sub("", _PROMPT.sub("", title, count=1)) if title else ""
    user = {"role": "user", "content": [*text_parts(question), *files], "created_at": time}
    readings = [read_message(user, f"{place}.title")]
    if answer:
        assistant = {"role": "assistant", "content": answer, "created_at": time}
        readings.append(read_message(assistant, f"{place}.safeHtmlItem"))
    return joined(readings)


def _html(item: Any) -> str:
    """An answer's text. Some writers have the HTML itself in the list."""
    return html_text(item if isinstance(item, str) else first_text(item, "html", "htmlValue"))


def _files(item: Any) -> list[dict[str, Any]]:
    """Files that were given with the question: names in the list, or in lines below the title."""
    labels = {}
    for subtitle in objects_at(item, "subtitles"):
        name = text_at(subtitle, "name")
        address = text_at(subtitle, "url")
        label = name.lstrip("- ").strip()
        if address or (label and name.startswith("-")):
            labels[address or label] = label
    for key in ("attachedFiles", "imageFile", "audioFiles"):
        for ref in _names(item, key):
            labels.setdefault(ref, "")
    return [attachment_part(media_kind(ref, label), ref, label) for ref, label in labels.items()]


def _names(item: Any, key: str) -> list[str]:
    """The name under the key, or the names in the list there."""
    value = item.get(key) if isinstance(item, dict) else None
    values = value if isinstance(value, list) else [value]
    return [name for name in values if isinstance(name, str) and name]
