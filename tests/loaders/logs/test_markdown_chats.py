"""Markdown by exporters, and aider's history: the whole file decides which lines are marks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.load_files import single, write_file
from support.logs import lost_words, reasons, says

from optical_memory.errors import InputError
from optical_memory.loaders import aider, load_file, markdown_chat

CURSOR = """\
# Sort the shelves
_Exported on 2/9/2026 at 12:05:00 GMT+1 from Cursor (1.2.3)_

---

**User**

Sort them.

---

## By colour
**User**

---

**Cursor**

## Plan

**User** wants colours.

---

Rules and headings stay.

```md
---

**User**
```

---

**User**

Thanks
"""
HEADINGS = """\
# Boats

**User:** Nobody
**Created:** 2/9/2026 12:05:00

## Prompt:
2026/2/9 12:05:00

How long is it?

## Response:
2026/2/9 12:06:00

## Response

Nine metres.

## Prompt:
2026/2/9 12:07:00

Thanks

## Response:
2026/2/9 12:08:00

Welcome

---
Powered by [Some Exporter](https://example.org)
"""


def test_rules_headings_and_bold_words_inside_of_a_message_are_its_text():
    chat = single(markdown_chat(CURSOR))
    assert [turn.role for turn in chat.turns] == ["user", "assistant", "user"]
    assert chat.turns[0].text == "Sort them.\n\n---\n\n## By colour\n**User**"
    assert chat.turns[1].text.startswith("## Plan\n\n**User** wants colours.\n\n---\n\nRules")
    assert chat.turns[2].text == "Thanks"
    assert chat.meta["title"] == "Sort the shelves"
    assert "from Cursor (1.2.3)" in chat.meta["preface"]


def test_headings_with_times_below_give_turns_with_times():
    chat = single(markdown_chat(HEADINGS))
    assert says(chat) == [
        "user - How long is it?",
        "assistant - ## Response\n\nNine metres.",
        "user - Thanks",
        "assistant - Welcome",
    ]
    assert [turn.when for turn in chat.turns][:2] == [
        datetime(2026, 2, 9, 12, 5),
        datetime(2026, 2, 9, 12, 6),
    ]
    assert [text for _, text in reasons(chat)] == [
        "Powered by [Some Exporter](https://example.org)"
    ]


@pytest.mark.parametrize(
    "form",
    [
        "#### {}:",
        "## {}",
        "### **{}**",
        "## 👤 {}",
        "**{}**",
        "**{}:**",
        "**{}**:",
        "**{}** (9 Feb 2026, 12:05)",
        "{} said:",
        "## {} (2026-02-09 12:05)",
        "### {} - 12:05:33",
    ],
)
@pytest.mark.parametrize("names", [("User", "Assistant"), ("You", "ChatGPT"), ("Human", "Claude")])
def test_the_marks_of_many_exporters_are_read(form: str, names: tuple[str, str], tmp_path: Path):
    user, assistant = (form.format(name) for name in names)
    text = f"# Title\n\n{user}\n\nhi\n\n{assistant}\n\n## Answer\n\n**Note:** x\n\n{user}\n\nbye\n"
    (chat,) = load_file(write_file(tmp_path / "chat.md", text)).conversations
    turns = [turn for turn in chat.turns if turn.text != "# Title"]
    assert [turn.role for turn in turns] == ["user", "assistant", "user"]
    assert turns[1].text.endswith("## Answer\n\n**Note:** x")


def test_a_model_may_answer_in_place_of_another():
    text = "## You\nhi\n## ChatGPT\nho\n## You\nhu\n## GPT-4o mini\nha\n## Model\nno mark"
    assert [turn.text for turn in single(markdown_chat(text)).turns] == [
        "hi",
        "ho",
        "hu",
        "ha\n## Model\nno mark",
    ]


def test_a_message_that_is_a_date_stays_a_message():
    text = "## User\nwhen?\n## Assistant\n9 May 2026\n## User\n10 May 2026\n"
    assert [turn.text for turn in single(markdown_chat(text)).turns][1:] == [
        "9 May 2026",
        "10 May 2026",
    ]


def test_documents_with_headings_are_no_chats(tmp_path: Path):
    text = "# API\n\n### Request\n\nfoo\n\n### Response\n\nbar\n\n**Pros:** x\n\n**Cons:** y\n"
    loaded = load_file(write_file(tmp_path / "api.md", text))
    assert (loaded.format, {turn.name for turn in loaded.conversations[0].turns}) == (
        "text log",
        {None},
    )
    with pytest.raises(InputError, match="no lines name the speakers"):
        markdown_chat(text)


@pytest.mark.parametrize("text", [CURSOR, HEADINGS])
def test_every_word_of_an_export_is_in_a_turn_or_told(text: str, tmp_path: Path):
    assert lost_words(write_file(tmp_path / "chat.md", text)) == []


BODIES = st.lists(
    st.sampled_from(
        ["# Title", "## Plan", "---", "**Bold**", "**Note:** x", "Error: no", "", "words"]
    ),
    min_size=1,
    max_size=6,
).map(lambda lines: "\n".join(["start", *lines, "end"]))


@given(
    st.lists(BODIES, min_size=2, max_size=7),
    st.sampled_from(
        [("**User**", "**Cursor**"), ("#### You:", "#### ChatGPT:"), ("## Prompt:", "## Response:")]
    ),
    st.sampled_from(["\n\n", "\n\n---\n\n"]),
)
def test_a_drawn_conversation_comes_back_whole(
    bodies: Sequence[str], marks: tuple[str, str], gap: str
):
    turns = [f"{marks[i % 2]}\n\n{body}" for i, body in enumerate(bodies)]
    chat = single(markdown_chat(gap.join(["# Title", *turns])))
    roles = ["user", "assistant"] * len(bodies)
    assert says(chat) == [f"{roles[i]} - {body}" for i, body in enumerate(bodies)]


AIDER = """\

# aider chat started at 2026-02-09 12:05:00

> Aider v0.86  \n> Repo-map: using 1024 tokens  \n
#### make it blue  \n#### and round  \n
Sure.

#### A heading
> a quote inside of the answer

```py
#### no user
> no tool
```

> Applied edit to a.py  \n
#### /add b.py  \n> Added b.py to the chat  \n
# aider chat started at 2026-02-10 08:00:00

# aider chat started at 2026-02-10 09:00:00

> Aider v0.86  \n
#### bye  \n"""


def test_each_start_of_aider_is_a_conversation():
    first, second = aider(AIDER)
    assert [(turn.role, turn.text) for turn in first.turns] == [
        ("tool", "Aider v0.86\nRepo-map: using 1024 tokens"),
        ("user", "make it blue\nand round"),
        ("assistant", "Sure.\n\n#### A heading"),
        ("tool", "a quote inside of the answer"),
        ("assistant", "```py\n#### no user\n> no tool\n```"),
        ("tool", "Applied edit to a.py"),
        ("user", "/add b.py"),
        ("tool", "Added b.py to the chat"),
    ]
    assert first.turns[0].when == datetime(2026, 2, 9, 12, 5)
    assert second.meta["started"] == "aider chat started at 2026-02-10 09:00:00"
    assert first.id != second.id
    assert [text for _, text in reasons(first)] == ["# aider chat started at 2026-02-10 08:00:00"]


def test_a_history_of_aider_is_found_by_its_first_line(tmp_path: Path):
    path = write_file(tmp_path / ".aider.chat.history.md", AIDER)
    assert load_file(path).format == "aider history"
    assert lost_words(path) == []


def test_a_history_without_turns_is_refused():
    with pytest.raises(InputError, match="no turns"):
        aider("# aider chat started at 2026-02-09 12:05:00\n")


def test_a_stray_fence_hides_no_turns():
    text = "## User\na\n```\n## Assistant\nb\n```py\n## User\n```\n## User\nc\n## Assistant\nd"
    assert [turn.role for turn in single(markdown_chat(text)).turns] == [
        "user",
        "assistant",
        "user",
        "assistant",
    ]
