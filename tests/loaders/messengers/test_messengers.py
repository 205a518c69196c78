"""Exports of messengers: who speaks in which role, when, and what is no message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from support.exports.messengers import discord_export, slack_day, telegram_chat
from support.left_out import reasons
from support.load_files import single, write_file

from optical_memory.errors import InputError
from optical_memory.loaders import discord, load, load_file, slack, telegram
from optical_memory.loaders.exports.people import Speaker, roles_of
from optical_memory.loaders.messengers.slack_text import plain_text
from optical_memory.turns import Attachment

# Roles

ANA = Speaker("1", "Ana")
BO = Speaker("2", "Bo")
CLEO = Speaker("3", "Cleo")
BELL = Speaker("9", "Bell", is_program=True)


@pytest.mark.parametrize(
    ("speakers", "roles"),
    [
        ([ANA], ["user"]),
        ([ANA, BO, ANA], ["user", "assistant"]),
        ([BELL, ANA], ["assistant", "user"]),
        ([ANA, BO, CLEO], ["user", "user", "user"]),
        ([ANA, BELL, BO], ["user", "tool", "user"]),
        ([BELL], ["tool"]),
    ],
)
def test_of_two_the_first_person_is_the_user_and_of_more_all_people(
    speakers: list[Speaker], roles: list[str]
):
    assert list(roles_of(speakers).values()) == roles


def test_the_owner_of_an_export_is_the_user():
    assert roles_of([ANA, BO], owner="2") == {ANA: "assistant", BO: "user"}


# Slack


def test_a_day_of_slack_has_people_by_name_and_times():
    conversation = single(slack(slack_day()))
    assert [(turn.role, turn.name) for turn in conversation.turns] == [
        ("user", "Greta Holm"),
        ("user", "Ivo Berg"),
        ("tool", "deploys"),
        ("user", "Greta Holm"),
        ("user", "U03"),
    ]
    first = conversation.turns[0]
    assert first.text == "@Ivo Berg A < B? See https://pots.example/x?a&b in #glazes @here"
    assert first.when == datetime.fromtimestamp(1744000010.0002, UTC)
    assert first.id == "1744000010.000200"


def test_rich_text_and_cards_are_read_if_the_text_does_not_say_it():
    conversation = single(slack(slack_day()))
    assert conversation.turns[1].text == "@Ivo Berg the kiln is hot (https://kiln.example):fire:"
    card = conversation.turns[2].text
    assert "*Deploy* finished for build 9 (https://ci.example/9)\nBranch: main" in card
    assert "Log\nhttps://ci.example/log" in card


def test_a_text_that_blocks_repeat_is_said_once():
    day = slack_day()
    day[2]["text"] = "<@U02> the kiln is <https://kiln.example|hot>:fire:"
    text = single(slack(day)).turns[1].text
    assert text == "@Ivo Berg the kiln is hot (https://kiln.example):fire:"


def test_files_of_slack_are_kept_without_their_token():
    turn = single(slack(slack_day())).turns[3]
    assert turn.attachments[0] == Attachment("image", "https://files.example/kiln.png", "Kiln")


def test_joins_and_empty_messages_are_no_turns():
    left_out = reasons(single(slack(slack_day())))
    assert left_out["conversation[0]"].startswith("a note by the service")
    assert "@Greta Holm has joined the channel" in left_out["conversation[0]"]
    assert left_out["conversation[5]"] == "an empty message: "


def test_names_come_from_the_users_beside(tmp_path: Path):
    channel = tmp_path / "pottery"
    channel.mkdir()
    users = [{"id": "U03", "name": "tess", "profile": {"real_name": "Tess Lund"}}, None]
    write_file(tmp_path / "users.json", users)
    conversation = single(load(write_file(channel / "2025-04-07.json", slack_day())))
    assert conversation.turns[-1].name == "Tess Lund"
    assert conversation.id == "pottery/2025-04-07"


def test_users_that_cannot_be_read_do_not_refuse_the_day(tmp_path: Path):
    write_file(tmp_path / "users.json", "{half a file")
    assert single(load(write_file(tmp_path / "2025-04-07.json", slack_day()))).turns


def test_an_answer_of_slacks_api_is_read_too(tmp_path: Path):
    answer = {"ok": True, "messages": slack_day(), "has_more": False}
    file = load_file(write_file(tmp_path / "history.json", answer))
    assert file.format == "Slack export"


@pytest.mark.parametrize(
    ("marks", "text"),
    [
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        ("<@U9|kim> hi", "@kim hi"),
        ("<#C1>", "#C1"),
        ("<!subteam^S1|@team>", "@team"),
        ("<!channel>", "@channel"),
        ("<!date^1744000000^{date}|7 April>", "7 April"),
        ("<https://a.example>", "https://a.example"),
        ("<https://a.example|a.example>", "https://a.example"),
        ("<mailto:x@a.example|x@a.example>", "x@a.example"),
        ("2 <3 and 4>", "2 3 and 4"),
        ("&amp;lt;", "&lt;"),
    ],
)
def test_marks_of_slack_become_text(marks: str, text: str):
    assert plain_text(marks, {}) == text


# Telegram


def test_a_chat_of_telegram_has_links_files_and_zones():
    conversation = single(telegram(telegram_chat()))
    assert conversation.id == "4001"
    assert conversation.meta == {"title": "Lena", "kind": "personal_chat"}
    first, second, *_ = conversation.turns
    assert first.text == "Meet at the map (https://maps.example/7)?"
    assert first.when == datetime(2025, 7, 1, 12, 1, tzinfo=timezone(timedelta(hours=2)))
    assert (first.role, first.name) == ("user", "Lena")
    assert (second.role, second.name) == ("assistant", "Deleted Account")
    assert second.attachments == (Attachment("file", "route.pdf"),)


def test_forwards_stickers_and_polls_of_telegram_are_kept():
    forward, sticker, poll = single(telegram(telegram_chat())).turns[2:]
    assert forward.text == "Forwarded from City News:\nRoad closed"
    assert forward.attachments == (Attachment("image", "photos/photo_1.jpg"),)
    assert sticker.attachments == (Attachment("image", "stickers/sticker.webp", "👍"),)
    assert "Which day?" in poll.text
    assert "Friday" in poll.text


def test_service_messages_of_telegram_are_no_turns():
    left_out = reasons(single(telegram(telegram_chat())))
    assert "phone_call" in left_out["conversation.messages[0]"]
    assert left_out["conversation.messages[6]"] == "an empty message: "


def test_all_chats_of_an_account_are_conversations_and_its_owner_is_the_user(tmp_path: Path):
    other = telegram_chat() | {"id": 4002, "name": "Trip"}
    empty = {"id": 4003, "name": "Saved", "type": "saved_messages", "messages": []}
    account = {
        "about": "Here is the data you requested.",
        "personal_information": {"user_id": 12, "first_name": "Kai"},
        "chats": {"about": "", "list": [telegram_chat(), other, empty]},
    }
    file = load_file(write_file(tmp_path / "result.json", account))
    assert file.format == "Telegram export"
    assert [item.id for item in file.conversations] == ["4001", "4002"]
    roles = {turn.name: turn.role for turn in file.conversations[0].turns}
    assert roles == {"Lena": "assistant", "Deleted Account": "user"}
    assert any(item.text == "Saved" for item in file.left_out)


def test_an_account_without_chats_is_refused_with_the_way_out(tmp_path: Path):
    account = {"about": "", "personal_information": {"user_id": 12}, "contacts": {"list": []}}
    with pytest.raises(InputError, match="export it again with the chats"):
        load(write_file(tmp_path / "result.json", account))


# Words under keys that nobody knows


@pytest.mark.parametrize(
    ("loader", "data"),
    [
        (slack, [{"type": "message", "user": "U1", "ts": "1744000000.0001"}]),
        (discord, {"channel": {}, "messages": [{"content": "", "author": {"name": "a"}}]}),
        (telegram, {"messages": [{"type": "message", "from_id": "user1", "text": ""}]}),
    ],
)
def test_words_under_an_unknown_key_are_kept_if_there_are_no_others(loader: Any, data: Any):
    message = data[0] if isinstance(data, list) else data["messages"][0]
    message["novelty"] = {"body": "words of tomorrow"}
    assert "words of tomorrow" in single(loader(data)).turns[0].text


@pytest.mark.parametrize(
    ("export", "name"),
    [(slack_day, "Slack"), (discord_export, "Discord"), (telegram_chat, "Telegram")],
)
def test_a_messengers_export_is_known_by_its_content(export: Any, name: str, tmp_path: Path):
    assert load_file(write_file(tmp_path / "some.json", export())).format == f"{name} export"
