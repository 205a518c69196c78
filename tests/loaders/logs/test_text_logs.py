"""Plain logs: the whole file decides who speaks; labels inside of an answer are no speakers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.load_files import single, write_file
from support.logs import Message, chats, lost_words, reasons, says

from optical_memory.errors import InputError
from optical_memory.loaders import (
    headed_chat,
    irc_log,
    line_chat,
    load_file,
    subtitles,
    text_log,
)

LABELS = """\
Error: no disk
name: web
image: nginx
name: db
user: root
Note: look
System: Linux
Tool: hammer
Model: T
ValueError: bad
TODO: all
Answer: 42
http://example.org"""


@pytest.mark.parametrize("names", [("User", "Assistant"), ("Human", "AI"), ("user", "assistant")])
def test_labels_in_an_answer_are_no_speakers(names: tuple[str, str]):
    labels = LABELS.replace("user: root", "host: root")
    user, assistant = names
    log = f"{user}: go\n{assistant}: Here:\n{labels}\n{user}: thanks\n{assistant}: bye"
    assert [turn.text for turn in single(text_log(log)).turns] == [
        "go",
        f"Here:\n{labels}",
        "thanks",
        "bye",
    ]


def test_labels_in_a_message_between_people_are_no_speakers():
    log = f"Ana: see\n{LABELS}\nApples: 3\nPears: 4\nApples: 5\nBo: ok\nAna: so\nBo: bye\nAna: yes"
    assert [turn.name for turn in single(text_log(log)).turns] == ["Ana", "Bo", "Ana", "Bo", "Ana"]


def test_a_tool_speaks_between_two_turns_of_the_assistant():
    log = "User: 2+2?\nAssistant: I count.\nTool: 4\nAssistant: It is 4.\nUser: ok"
    roles = [turn.role for turn in single(text_log(log)).turns]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]


def test_a_label_in_a_paragraph_is_none_if_others_follow_a_blank_line():
    log = "User: a\n\nAssistant: b\nUser: no\n\nUser: c\n\nAssistant: d"
    assert [turn.text for turn in single(text_log(log)).turns] == ["a", "b\nUser: no", "c", "d"]


@pytest.mark.parametrize(
    ("log", "turns"),
    [
        ("用户：你好\n助手：好\n名称：x", ["user - 你好", "assistant - 好\n名称：x"]),
        ("User: hi\nLuna: ho\nUser: so\nLuna: yes", ["user - hi", "assistant Luna ho"]),
        ("Notes\n\nAna: a\nBo: b\nAna: c\nBo: d", ["user - Notes", "user Ana a", "assistant Bo b"]),
        ("See this.\n\nUser: x is a label.", ["user - See this.", "user - User: x is a label."]),
        ("<p>one</p>\n<b> two</b>", ["user - <p>one</p>\n<b> two</b>"]),
    ],
)
def test_speakers_are_found_in_the_log_as_a_whole(log: str, turns: list[str]):
    assert says(single(text_log(log)))[: len(turns)] == turns


def test_a_time_that_cannot_be_read_stays_in_the_text_and_is_told():
    chat = single(text_log("[30/02/2026, 08:41] Bo: hey\n[28/02/2026, 08:41] Cy: ho"))
    assert [(turn.when, turn.text) for turn in chat.turns] == [
        (None, "[30/02/2026, 08:41] hey"),
        (datetime(2026, 2, 28, 8, 41), "ho"),
    ]
    assert reasons(chat) == [("line 1", "30/02/2026, 08:41")]


TELEGRAM = "Ana Li, [09.02.24 12:05]\nhi\nError: x\n\nBo, [09.02.24 12:06]\nho\n"
DISCORD = "Ana Li — 2/9/2024 12:05 PM\nhi\nError: x\nBo — 2/19/2024 12:06 PM\nho\n"
EXPORTED = """\
==============================
Guild: Harbour
==============================

[2/9/2024 12:05 PM] Ana Li
hi
Error: x

[2/19/2024 12:06 PM] Bo
ho

==============================
Exported 2 message(s)
==============================
"""


@pytest.mark.parametrize("text", [TELEGRAM, DISCORD, EXPORTED])
def test_copied_messages_have_speaker_and_time_above_the_words(text: str, tmp_path: Path):
    loaded = load_file(write_file(tmp_path / "chat.txt", text))
    assert loaded.format == "copied messages or transcript"
    chat = single(headed_chat(text))
    assert says(chat) == ["user Ana Li hi\nError: x", "assistant Bo ho"]
    assert chat.turns[0].when == datetime(2024, 2, 9, 12, 5)
    assert lost_words(write_file(tmp_path / "chat.txt", text)) == []


def test_a_day_that_is_only_named_is_no_time():
    chat = single(headed_chat("Ana — Today at 5:38 PM\nhi\n"))
    assert (chat.turns[0].when, chat.turns[0].text) == (None, "[Today at 5:38 PM] hi")
    assert reasons(chat) == [("line 1", "Today at 5:38 PM")]


def test_a_transcript_of_otter_keeps_the_times_in_the_recording(tmp_path: Path):
    text = "Ana Li  0:03  \nhello all\n\nUnknown Speaker  1:00:13  \nhi\n\nTranscribed by https://otter.ai\n"
    chat = single(headed_chat(text))
    assert says(chat) == ["user Ana Li [0:03] hello all", "assistant Unknown Speaker [1:00:13] hi"]
    assert lost_words(write_file(tmp_path / "talk.txt", text)) == []


def test_captions_of_zoom_name_their_speakers():
    chat = single(headed_chat("[Ana Li] 12:05:33\nhi\n\n[Bo] 12:05:40\nError: x\n"))
    assert says(chat) == ["user Ana Li [12:05:33] hi", "assistant Bo [12:05:40] Error: x"]


def test_nicks_in_small_letters_talk_and_settings_do_not():
    log = "ana_1: how are you?\nbo: I am well\nana_1: so am I\nbo: good for you\n"
    assert [turn.name for turn in single(text_log(log)).turns] == ["ana_1", "bo"] * 2
    settings = "host: a\nsize: 1\nhost: b\nsize: 2\nhost: c\n"
    assert [turn.name for turn in single(text_log(settings)).turns] == [None]


def test_the_user_may_have_a_name_beside_a_program():
    log = "kim: go\n\nGitHub Copilot: Note: done\n\nkim: ok\n\nGitHub Copilot: bye"
    assert says(single(text_log(log)))[:2] == ["user kim go", "assistant - Note: done"]


@pytest.mark.parametrize("stamp", ["2024-02-09 12:05", "2024-02-09T12:05:00", "[12:05, 9.2.2024]"])
def test_a_time_may_stand_before_the_name_in_many_ways(stamp: str):
    chat = single(text_log(f"{stamp} Ana: hi\n{stamp} Bo: ho"))
    assert says(chat) == ["user Ana hi", "assistant Bo ho"]
    assert chat.turns[0].when == datetime(2024, 2, 9, 12, 5)


def test_a_numbered_list_is_no_chat():
    assert len(single(text_log("10 apples: red\n11 pears: green\n12 plums: blue")).turns) == 1


def test_an_empty_message_is_told():
    chat = single(text_log("User: hi\nAssistant:\nUser: there?\nAssistant: yes"))
    assert [turn.text for turn in chat.turns] == ["hi", "there?", "yes"]
    assert reasons(chat) == [("line 2", "Assistant")]


def test_a_list_of_changes_is_no_chat(tmp_path: Path):
    text = "Version 2 — 9 May 2026\nfaster\n\nVersion 1 — 3 May 2026\nfirst\n"
    assert load_file(write_file(tmp_path / "changes.md", text)).format == "text log"


VTT = """\
WEBVTT

NOTE recorded at sea

1
00:00:01.000 --> 00:00:02.000
<v Ana Li>Hello &amp; welcome</v>

00:00:03.000 --> 00:00:04.000
<v Ana Li>again</v>

00:00:05.000 --> 00:00:06.000 align:start
Bo Li: yes
Error: no
"""


def test_subtitles_name_their_speakers(tmp_path: Path):
    chat = single(subtitles(VTT))
    assert says(chat) == [
        "user Ana Li [00:00:01] Hello & welcome\nagain",
        "assistant Bo Li [00:00:05] yes\nError: no",
    ]
    path = write_file(tmp_path / "talk.vtt", VTT)
    assert load_file(path).format == "subtitles"
    assert lost_words(path) == []


def test_a_line_without_a_name_is_nobodys():
    text = "1\n00:00:01,000 --> 00:00:02,000\nAna: hi\n\n2\n00:00:03,000 --> 00:00:04,000\nwho?\n"
    assert says(single(subtitles(text))) == ["user Ana [00:00:01] hi", "user - [00:00:03] who?"]
    with pytest.raises(InputError, match="no turns"):
        subtitles("WEBVTT\n")


LINE = """\
[LINE] Chat history with Ana
Saved on: 2024/02/10 09:00

2024/02/09(Fri)
12:05\tAna\thello
12:06\tBo\t"two
lines"
12:07\t\tBo left the group

2024/02/10(Sat)
上午9:00\tAna\tbye
"""


def test_a_chat_of_line_has_the_day_above_its_messages(tmp_path: Path):
    chat = single(line_chat(LINE))
    assert says(chat) == ["user Ana hello", "assistant Bo two\nlines", "user Ana bye"]
    assert chat.turns[2].when == datetime(2024, 2, 10, 9, 0)
    assert reasons(chat) == [("line 8", "12:07\t\tBo left the group")]
    path = write_file(tmp_path / "chat.txt", LINE)
    assert load_file(path).format == "LINE chat"
    assert lost_words(path) == []


IRSSI = """\
--- Log opened Fri Feb 09 11:00:00 2024
11:00 -!- bo [~bo@example.org] has joined #boats
12:05 < ana> hi
12:06 <@bo> ho
--- Day changed Sat Feb 10 2024
00:01  * ana waves
"""
WEECHAT = """\
2024-02-09 11:00:00\t-->\tbo (~bo@example.org) has joined #boats
2024-02-09 12:05:00\tana\thi
2024-02-09 12:06:00\t@bo\tho
2024-02-10 00:01:00\t *\tana waves
"""


@pytest.mark.parametrize("log", [IRSSI, WEECHAT])
def test_logs_of_irc_have_days_and_actions_and_no_notices(log: str, tmp_path: Path):
    chat = single(irc_log(log))
    assert says(chat) == ["user ana hi", "assistant bo ho", "user ana * ana waves"]
    assert [turn.when for turn in chat.turns] == [
        datetime(2024, 2, 9, 12, 5),
        datetime(2024, 2, 9, 12, 6),
        datetime(2024, 2, 10, 0, 1),
    ]
    path = write_file(tmp_path / "boats.log", log)
    assert load_file(path).format == "IRC log"
    assert lost_words(path) == []


def test_a_log_of_irc_without_days_keeps_the_clock_in_the_text():
    log = "[12:05:01] <ana> hi\n[12:05:02] *** Joins: bo\n[12:05:03] <bo> ho\n"
    assert says(single(irc_log(log))) == ["user ana [12:05:01] hi", "assistant bo [12:05:03] ho"]
    with pytest.raises(InputError, match="no turns"):
        irc_log("[12:05:02] *** Joins: bo\n")


def bracket(message: Message) -> str:
    return f"[{message.when:%Y-%m-%d %H:%M}] {message.name}: {message.text}"


def telegram(message: Message) -> str:
    return f"{message.name}, [{message.when:%d.%m.%y %H:%M}]\n{message.text}\n"


@given(chats(), st.sampled_from([bracket, telegram]))
def test_a_drawn_chat_comes_back_whole_from_a_file(
    tmp_path_factory: pytest.TempPathFactory,
    messages: Sequence[Message],
    write: Callable[[Message], str],
):
    path = tmp_path_factory.mktemp("chat") / "chat.txt"
    path.write_text("\n".join(map(write, messages)), encoding="utf-8")
    (chat,) = load_file(path).conversations
    assert [(turn.name, turn.when, turn.text) for turn in chat.turns] == [
        (message.name, message.when, message.text) for message in messages
    ]
