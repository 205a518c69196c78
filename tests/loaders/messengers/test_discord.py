"""Channels of Discord as DiscordChatExporter writes them, in JSON and in plain text."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from support.exports.messengers import discord_export
from support.left_out import reasons
from support.load_files import single, write_file

from optical_memory.loaders import discord, discord_text, load_file
from optical_memory.turns import Attachment


def test_two_people_of_one_name_are_told_apart():
    def message(author: str, content: str) -> dict[str, Any]:
        return {"content": content, "author": {"id": author, "name": "sam"}, "type": "Default"}

    messages = [message("7", "mine"), message("8", "yours"), message("7", "again")]
    conversation = single(discord({"channel": {"id": "c"}, "messages": messages}))
    assert [turn.name for turn in conversation.turns] == ["sam (7)", "sam (8)", "sam (7)"]


def test_a_channel_of_discord_has_nicknames_times_and_files():
    conversation = single(discord(discord_export()))
    assert conversation.id == "ch1"
    assert conversation.meta["title"] == "sightings"
    assert conversation.meta["server"] == "Bird club"
    names = [(turn.role, turn.name) for turn in conversation.turns]
    assert names == [
        ("user", "Nina"),
        ("user", "omar"),
        ("tool", "Helper"),
        ("user", "Nina"),
        ("user", "omar"),
    ]
    song = Attachment("audio", "https://cdn.example/song.ogg?ex=1", "song.ogg")
    assert conversation.turns[0].attachments == (song,)
    assert conversation.turns[0].when == datetime(
        2025, 5, 4, 18, 1, tzinfo=timezone(timedelta(hours=2))
    )


def test_cards_stickers_and_forwards_of_discord_are_kept():
    turns = single(discord(discord_export())).turns
    assert turns[2].text.startswith("Bird of the day\nhttps://birds.example/wren\nThe wren sings")
    assert "Length: 9 cm" in turns[2].text
    assert turns[2].attachments == (Attachment("image", "https://birds.example/wren.jpg"),)
    assert turns[3].attachments == (Attachment("image", "https://cdn.example/wave.png", "Wave"),)
    assert turns[4].text == "Forwarded: Owls at dusk"


def test_messages_by_discord_itself_are_left_out():
    left_out = reasons(single(discord(discord_export())))
    assert left_out == {
        "conversation.messages[0]": "a note by the service, no message: Joined the server.",
        "conversation.messages[5]": "an empty message: ",
    }


def test_a_channel_of_discord_in_plain_text(tmp_path: Path):
    rule = "=" * 62
    text = (
        f"{rule}\nGuild: Bird club\nChannel: Talk / sightings\nTopic: What you saw\n{rule}\n\n"
        "[2025-05-04 18:01] Nina\nHeard a wren!\n\nTwice.\n\n"
        "{Attachments}\nhttps://cdn.example/song.ogg?ex=1\n\n{Reactions}\nears (2)\n\n"
        "[2025-05-04 18:02] Omar (pinned)\nWhere? [Here] I am\n\n\n"
        "[one day at 9:00] Nina\n\n\n{Embed}\nWren\nhttps://birds.example\n\n"
        f"{rule}\nExported 3 message(s)\n{rule}\n"
    )
    file = load_file(write_file(tmp_path / "sightings.txt", text))
    assert file.format == "Discord export"
    conversation = single(list(file.conversations))
    assert conversation.meta["title"] == "Talk / sightings"
    assert conversation.meta["topic"] == "What you saw"
    assert [(turn.role, turn.name, turn.text) for turn in conversation.turns] == [
        ("user", "Nina", "Heard a wren!\n\nTwice."),
        ("assistant", "Omar", "Where? [Here] I am"),
        ("user", "Nina", "Wren\nhttps://birds.example"),
    ]
    assert conversation.turns[0].when == datetime(2025, 5, 4, 18, 1)
    song = Attachment("audio", "https://cdn.example/song.ogg?ex=1")
    assert conversation.turns[0].attachments == (song,)
    left_out = [item.text for item in file.left_out]
    assert {"ears (2)", "[one day at 9:00] Nina"} <= set(left_out)


@pytest.mark.parametrize(("other_day", "day"), [("13/02/2025", 1), ("02/13/2025", 2)])
def test_days_of_a_channel_in_plain_text_are_read_in_one_order(other_day: str, day: int):
    stamps = ["01/02/2025 10:00", f"{other_day} 10:00"]
    times = [turn.when for turn in single(discord_text(channel_of(stamps))).turns]
    assert times[0] == datetime(2025, 3 - day, day, 10)
    assert times[1] == datetime(2025, 2, 13, 10)


def test_an_order_of_day_and_month_that_is_a_guess_is_told():
    text = channel_of(["01/02/2025 10:00", "02/02/2025 10:00"])
    guess = single(discord_text(text))
    assert all(turn.when for turn in guess.turns)
    (doubt,) = guess.left_out
    assert "cannot be told apart" in doubt.reason
    by_hand = single(discord_text(text, day_first=False))
    assert by_hand.turns[0].when == datetime(2025, 1, 2, 10)
    assert not by_hand.left_out


def channel_of(stamps: list[str]) -> str:
    """A channel in plain text with a message for each time."""
    rule = "=" * 62
    messages = "\n\n".join(f"[{stamp}] Nina\nA wren." for stamp in stamps)
    return f"{rule}\nGuild: Bird club\nChannel: Talk\n{rule}\n\n{messages}\n"
