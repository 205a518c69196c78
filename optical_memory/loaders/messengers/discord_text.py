"""Discord's channels as DiscordChatExporter writes them in plain text.

A line such as `[01/02/2025 10:00] ana` begins a message. Marks such as `{Attachments}` name what
follows its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.exports.fields import attachment_part, media_kind
from optical_memory.loaders.exports.people import Post, Speaker, post_conversation
from optical_memory.loaders.exports.reading import filled_conversations, unclear_times
from optical_memory.loaders.files import Document, stem, text_of
from optical_memory.loaders.times import file_times

__all__ = [
    "discord_text",
    "is_discord_text",
]

_RULE = "=" * 62
_HEADING = re.compile(rf"\s*{_RULE}\nGuild: (?P<server>.*)\nChannel: (?P<title>.*)\n")
_TOPIC = re.compile(r"^Topic: (.*)$", re.MULTILINE)
_SPEAKER = re.compile(r"\[(?P<stamp>[^\[\]\d]*\d[^\[\]]*)\] (?P<name>.{1,80}?)(?: \(pinned\))?")
_FILES = ("{Attachments}", "{Stickers}")
_REACTIONS = "{Reactions}"


def is_discord_text(text: str) -> bool:
    """True if the text begins as an export of a channel."""
    return bool(_HEADING.match(text[:2_000]))


def discord_text(
    source: Path | Document | str, day_first: bool | None = None
) -> list[Conversation]:
    """The conversation of a channel. Reactions are left out.

    `day_first` says how to read 3/4/2024; by default the whole file decides. Raises `InputError` if
    there are no messages.
    """
    name = stem(source)
    text = text_of(source).replace("\r\n", "\n")
    heading, _, rest = text.strip().removeprefix(_RULE).partition(_RULE)
    body = rest.partition(f"\n{_RULE}\nExported ")[0]
    messages = list(_messages(body.split("\n")))
    stamps = [(f"{name}: message {n}", lines[0]) for n, lines in enumerate(messages, 1)]
    times = file_times([_stamp(line) for _, line in stamps], day_first)
    posts: list[Post] = []
    left_out = unclear_times(stamps, times)
    for (place, line), (_, *lines), time in zip(stamps, messages, times.times, strict=True):
        posts.append(_post(line, lines, time, place))
        reactions = _section(lines, (_REACTIONS,))
        if reactions:
            left_out.append(LeftOut(place, "reactions to a message", " ".join(reactions)))
    match = _HEADING.match(text)
    meta: dict[str, Any] = match.groupdict() if match else {}
    topic = _TOPIC.search(heading)
    conversation = post_conversation(
        name, posts, {**meta, "topic": topic[1] if topic else None}, left_out
    )
    return filled_conversations([conversation], name)


def _messages(lines: list[str]) -> Iterator[list[str]]:
    """The lines of each message; a line that names a speaker comes after a blank line."""
    message: list[str] = []
    previous = ""
    for line in lines:
        if not previous.strip() and _SPEAKER.fullmatch(line):
            if message:
                yield message
            message = []
        if message or line.strip():
            message.append(line)
        previous = line
    if message:
        yield message


def _stamp(line: str) -> str:
    """The time in a line that begins a message; "" if the line has none."""
    match = _SPEAKER.fullmatch(line)
    return match["stamp"] if match else ""


def _post(line: str, lines: list[str], time: datetime | None, place: str) -> Post:
    match = _SPEAKER.fullmatch(line)
    name = match["name"] if match else ""
    texts = lines if match else [line, *lines]
    addresses = _section(texts, _FILES)
    return Post(
        speaker=Speaker(name, name),
        text="\n".join(_section(texts, ("", "{Embed}"))).strip("\n"),
        time=time,
        id=None,
        place=place,
        attachments=tuple(
            attachment_part(media_kind(address.split("?")[0]), address) for address in addresses
        ),
    )


def _section(lines: list[str], marks: tuple[str, ...]) -> list[str]:
    """The lines below the marks; "" stands for the text before all marks.

    Blank lines are kept only in texts.
    """
    section: list[str] = []
    mark = ""
    for line in lines:
        if line in (*_FILES, _REACTIONS, "{Embed}"):
            mark = line
        elif mark in marks and (line.strip() or mark == ""):
            section.append(line)
    return section
