"""What a log says, in short lines to compare; drawn chats to write in the form of a log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

from optical_memory.loaders import Conversation, load_file
from support.load_files import all_text

NAMES = ("Ana", "Bo Li", "Claude", "+49 170 1234567", "Zoë O'Neil", "小明")

_WORD = re.compile(r"[^\W\d_]{4,}")
_WORDS = st.text(
    st.characters(
        categories=["L", "N", "P", "S"], include_characters=" ", exclude_characters="\u200e"
    ),
    min_size=1,
    max_size=30,
)


class Message(NamedTuple):
    """A message of a drawn chat."""

    name: str
    when: datetime
    text: str


def says(conversation: Conversation) -> list[str]:
    """A line for each turn: the role, the name or `-`, the text."""
    return [f"{turn.role} {turn.name or '-'} {turn.text}" for turn in conversation.turns]


def reasons(conversation: Conversation) -> list[tuple[str, str]]:
    """The places and the words that were left out."""
    return [(item.place, item.text) for item in conversation.left_out]


def lost_words(path: Path) -> list[str]:
    """The words of four letters or more of a file that are in no turn, no `meta`, and not in the
    report of what was left out.
    """
    loaded = load_file(path)
    texts = [item.text for item in loaded.left_out]
    for conversation in loaded.conversations:
        texts += [all_text(conversation), *conversation.meta.values()]
    known = set(_WORD.findall("\n".join(texts)))
    return [word for word in _WORD.findall(path.read_text()) if word not in known]


@st.composite
def chats(draw: st.DrawFn, *, n_lines: int = 3) -> Sequence[Message]:
    """Messages of two people or more, in order of time, of at most `n_lines` lines.

    No line begins as a line of a log does.
    """
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=4, unique=True))
    speakers = [*names, *draw(st.lists(st.sampled_from(names), max_size=8))]
    times = draw(
        st.lists(
            st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1)),
            min_size=len(speakers),
            max_size=len(speakers),
        )
    )
    messages = []
    for name, time in zip(speakers, sorted(times), strict=True):
        lines = draw(st.lists(_WORDS, min_size=1, max_size=n_lines))
        text = "\n".join(f"so {line} ok" for line in lines)
        messages.append(Message(name, time.replace(second=0, microsecond=0), text))
    return messages
