"""Chats of WhatsApp: the forms of iPhones and Android, notices, files, dates."""

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
from optical_memory.loaders import load_file, whatsapp
from optical_memory.turns import Attachment

MARK = "\u200e"
IPHONE = f"""\
[09.02.24, 12:05:33] Rowing: {MARK}Messages and calls are end-to-end encrypted.
[09.02.24, 12:05:33] Rowing: {MARK}Ana created this group
[09.02.24, 12:06:01] Ana: Who brings the boat?
Note: it is heavy.
{MARK}[09.02.24, 12:07:10] ~\u202fBo: {MARK}<attached: 00000004-PHOTO-2024-02-09.jpg>
[09.02.24, 12:07:11] ~\u202fBo: the lease {MARK}<Anhang: 00000005-lease 2024.pdf>
[09.02.24, 12:07:12] ~\u202fBo: {MARK}sticker omitted
[09.02.24, 12:07:13] ~\u202fBo: {MARK}This message was deleted.
[09.02.24, 12:08:00] Ana: At nine. {MARK}<This message was edited>
"""
ANDROID = """\
09/02/2024, 12:05\u202fpm - Messages and calls are end-to-end encrypted. Tap to learn more.
09/02/2024, 12:05\u202fpm - Ana changed the subject to "Trip: Rome"
09/02/2024, 12:06\u202fpm - Ana: IMG-20240209-WA0001.jpg (file attached)
the boat
09/02/2024, 12:07\u202fpm - Bo Li: <Media omitted>
09/02/2024, 12:08\u202fpm - Bo Li: null
14/02/2024, 1:08\u202fpm - Bo Li: PTT-20240214-WA0002.opus (Datei angehängt)
14/02/2024, 1:09\u202fpm - Cy left
"""


def test_an_iphone_chat_comes_in_with_its_files_and_without_notices():
    chat = single(whatsapp(IPHONE))
    assert says(chat) == [
        "user Ana Who brings the boat?\nNote: it is heavy.",
        "assistant Bo ",
        "assistant Bo the lease ",
        "user Ana At nine.",
    ]
    assert chat.turns[0].when == datetime(2024, 2, 9, 12, 6, 1)
    files = [attachment for turn in chat.turns for attachment in turn.attachments]
    assert files == [
        Attachment("image", "00000004-PHOTO-2024-02-09.jpg"),
        Attachment("file", "00000005-lease 2024.pdf"),
    ]
    assert reasons(chat) == [
        ("line 5", "attached"),
        ("line 6", "Anhang"),
        ("line 1", "Rowing: Messages and calls are end-to-end encrypted."),
        ("line 2", "Rowing: Ana created this group"),
        ("line 7", "sticker omitted"),
        ("line 8", "This message was deleted."),
        ("line 9", "<This message was edited>"),
    ]


def test_an_android_chat_comes_in_with_its_files_and_without_notices():
    chat = single(whatsapp(ANDROID))
    assert says(chat) == ["user Ana the boat", "assistant Bo Li "]
    assert [turn.when for turn in chat.turns] == [
        datetime(2024, 2, 9, 12, 6),
        datetime(2024, 2, 14, 13, 8),
    ]
    assert [turn.attachments[0].kind for turn in chat.turns] == ["image", "audio"]
    assert [place for place, _ in reasons(chat)] == [f"line {n}" for n in (3, 7, 1, 2, 5, 6, 8)]


@pytest.mark.parametrize(
    "line",
    [
        "[2024-02-09, 12:05:00] Ana: hi",
        "2024-02-09, 12:05 p.m. - Ana: hi",
        "09.02.24, 12:05 - Ana: hi",
        "9.2.2024 klo 12.05 - Ana: hi",
        "[9.2.2024 klo 12.05.00] Ana: hi",
        "09/02/2024 12:05 - Ana: hi",
        "2024/2/9 下午12:05 - Ana: hi",
        "2024. 2. 9. 오후 12:05 - Ana: hi",
        "09/02/24 12:05 - Ana: hi",
        "9/2/2024 12:05 p. m. - Ana: hi",
        "\ufeff\u200e[9/2/24, 12:05:00\u202fPM] \u202aAna\u202c: hi",
        "٩/٢/٢٠٢٤، ١٢:٠٥ م - Ana: hi",
    ],
)
def test_the_forms_of_many_languages_are_read(line: str):
    turn = single(whatsapp(line, day_first=True)).turns[0]
    assert (turn.name, turn.text, turn.when) == ("Ana", "hi", datetime(2024, 2, 9, 12, 5))


def test_a_guess_about_day_and_month_is_told_with_the_way_out():
    chat = single(whatsapp("3/4/2024, 12:05 - Ana: hi"))
    assert chat.turns[0].when == datetime(2024, 4, 3, 12, 5)
    (doubt,) = chat.left_out
    assert (doubt.place, doubt.text) == ("line 1", "3/4/2024, 12:05")
    assert "day_first" in doubt.reason


def test_a_quoted_log_of_another_form_stays_in_its_message():
    quote = "[2024-02-09 12:05:33] ERROR: no disk\n2024-02-09, 12:05 - x: y"
    log = f"09/02/2024, 12:05 - Ana: see\n{quote}"
    assert len(single(whatsapp(log)).turns) == 1


def test_a_name_that_is_a_role_to_others_stays_a_name():
    log = "09/02/2024, 12:05 - Claude: hi\n09/02/2024, 12:06 - Ana: ho\n09/02/2024, 12:07 - Me: yo"
    assert says(single(whatsapp(log))) == ["user Claude hi", "user Ana ho", "user Me yo"]


def test_words_like_those_of_the_program_are_kept_inside_of_a_message():
    log = (
        "09/02/2024, 12:05 - Ana: I think the video omitted a lot\n09/02/2024, 12:06 - Bo: who left"
    )
    chat = single(whatsapp(log))
    assert says(chat) == ["user Ana I think the video omitted a lot", "assistant Bo who left"]


def test_a_chat_in_which_nobody_speaks_is_refused():
    with pytest.raises(InputError, match="no turns"):
        whatsapp("09/02/2024, 12:05 - Ana left")


def test_a_log_of_a_server_is_no_chat(tmp_path: Path):
    log = "[2024-02-09 12:05:33] INFO: up\n[2024-02-09 12:05:34] ERROR: down"
    loaded = load_file(write_file(tmp_path / "a.txt", log))
    assert (loaded.format, loaded.conversations[0].turns[0].name) == ("text log", None)


def android(message: Message) -> str:
    return f"{message.when:%d/%m/%Y, %H:%M} - {message.name}: {message.text}"


def american(message: Message) -> str:
    time = message.when
    clock = f"{time:%I:%M}".lstrip("0")
    stamp = f"{time.month}/{time.day}/{time:%y}, {clock}\u202f{time:%p}"
    return f"{stamp} - {message.name}: {message.text}"


def iphone(message: Message) -> str:
    return f"{MARK}[{message.when:%d.%m.%y, %H:%M:%S}] {message.name}: {message.text}"


@given(chats(), st.sampled_from([android, american, iphone]))
def test_a_drawn_chat_comes_back_whole(
    messages: Sequence[Message], write: Callable[[Message], str]
):
    text = "\n".join(map(write, messages))
    chat = single(whatsapp(text, day_first=write is not american))
    assert [(turn.name, turn.when, turn.text) for turn in chat.turns] == [
        (message.name, message.when, message.text) for message in messages
    ]
    assert chat.left_out == ()


@pytest.mark.parametrize("chat", [IPHONE, ANDROID])
def test_every_word_is_in_a_turn_or_told(chat: str, tmp_path: Path):
    assert lost_words(write_file(tmp_path / "chat.txt", chat)) == []
