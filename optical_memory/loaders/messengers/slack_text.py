"""The marks in texts of Slack, and texts in its blocks and attachments, as a person reads them."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from optical_memory.loaders.exports.fields import object_at, objects_at, text_at

__all__ = [
    "message_text",
    "plain_text",
]

_MARK = re.compile(r"<([^<>\n]+)>")


def plain_text(text: str, names: Mapping[str, str]) -> str:
    """A text without Slack's marks; `names` has the names of users by id.

    >>> plain_text("<@U7>: 2 &lt; 3, see <https://ex.org|the list>", {"U7": "Ana"})
    '@Ana: 2 < 3, see the list (https://ex.org)'
    """
    return html.unescape(_MARK.sub(lambda match: _mark(match[1], names), text))


def _mark(mark: str, names: Mapping[str, str]) -> str:
    """A mention, a channel, a command such as `!here`, or a link."""
    target, _, label = mark.partition("|")
    if target.startswith("@"):
        return "@" + (names.get(target[1:]) or label or target[1:])
    if target.startswith("#"):
        return "#" + (label or target[1:])
    if target.startswith("!"):
        command = target[1:].split("^")[0]
        return label or f"@{command}"
    address = target.removeprefix("mailto:")
    if not label or label in target:
        return address
    return f"{label} ({address})"


def message_text(message: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The text of a message with what its blocks and attachments say beyond it."""
    text = plain_text(text_at(message, "text"), names)
    cards = [_block_text(block, names) for block in objects_at(message, "blocks")]
    cards += [_attachment_text(item, names) for item in objects_at(message, "attachments")]
    if not any(cards):
        return text
    lines: list[str] = []
    words: set[str] = set()
    for line in [text, *cards]:
        if not words >= _words(line):
            lines.append(line.strip("\n"))
            words |= _words(line)
    return "\n".join(lines)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def _attachment_text(attachment: dict[str, Any], names: Mapping[str, str]) -> str:
    """A quoted message, a preview of a link, or a card of a program."""
    keys = ("pretext", "author_name", "title", "title_link", "text")
    texts = [text_at(attachment, key) for key in keys]
    for field in objects_at(attachment, "fields"):
        texts.append(f"{text_at(field, 'title')}: {text_at(field, 'value')}".strip(": "))
    lines = [plain_text(text, names) for text in texts if text]
    lines += [_block_text(block, names) for block in objects_at(attachment, "blocks")]
    lines = [line for line in lines if line]
    if not lines:
        lines = [plain_text(text_at(attachment, "fallback"), names)]
    footer = plain_text(text_at(attachment, "footer"), names)
    return "\n".join(filter(None, [*lines, footer]))


# ---- blocks --------------------------------------------------------------------------------------


def _block_text(block: dict[str, Any], names: Mapping[str, str]) -> str:
    """A block with all elements in it: text, fields, and rich text of any depth."""
    texts: list[str] = []
    rest = [block]
    while rest:
        item = rest.pop()
        texts.append(_own_text(item, names))
        children = [object_at(item, "text"), *objects_at(item, "fields")]
        children += [object_at(item, "title"), object_at(item, "accessory")]
        children += objects_at(item, "elements")
        rest += reversed(list(filter(None, children)))
    return "".join(texts).strip("\n")


def _own_text(item: dict[str, Any], names: Mapping[str, str]) -> str:
    """The text of an element itself, without the elements in it."""
    kind = text_at(item, "type")
    if kind == "link":
        label = text_at(item, "text")
        return _mark("|".join(filter(None, (text_at(item, "url"), label))), names)
    if kind in _MENTIONS:
        key, sign = _MENTIONS[kind]
        target = text_at(item, key)
        return sign.format(names.get(target) or target)
    if kind == "image":
        return text_at(item, "alt_text")
    if kind in _LINES:
        return "\n"
    text = item.get("text")
    if not isinstance(text, str):
        return ""
    end = "\n" if kind in ("mrkdwn", "plain_text") else ""
    return (plain_text(text, names) if kind == "mrkdwn" else html.unescape(text)) + end


_MENTIONS = {
    "user": ("user_id", "@{}"),
    "usergroup": ("usergroup_id", "@{}"),
    "channel": ("channel_id", "#{}"),
    "broadcast": ("range", "@{}"),
    "emoji": ("name", ":{}:"),
    "date": ("fallback", "{}"),
}
"""Elements that name something: the key of the name, and its sign."""

_LINES = ("rich_text_section", "rich_text_preformatted", "rich_text_quote", "rich_text_list")
