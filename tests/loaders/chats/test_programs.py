"""Exports of programs for chats with any model: who, when, what and which version."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.exports.programs import (
    lm_studio_file,
    lobechat_export,
    open_webui_export,
    sillytavern_lines,
)
from support.left_out import lines, reasons
from support.load_files import single, write_file

from optical_memory.errors import InputError
from optical_memory.loaders import (
    lm_studio,
    load,
    load_file,
    lobechat,
    open_webui,
    sillytavern,
)
from optical_memory.turns import Attachment, ToolCall

# Open WebUI


def test_the_branch_to_the_current_message_of_open_webui_is_shown():
    bridges, old = open_webui(open_webui_export())
    assert lines(bridges) == [
        ("user", "Name a bridge."),
        ("assistant", "Forth"),
        ("user", "Why?"),
        ("assistant", "Error: model not reachable"),
    ]
    assert bridges.turns[0].attachments == (
        Attachment("image", "https://pics.example/span.png"),
        Attachment("file", "doc-5", "bridges.pdf"),
    )
    assert reasons(bridges)["conversation[0].history.messages.w2x"].endswith("Oresund")
    assert lines(old) == [("user", "Ping"), ("assistant", "Pong")]


def test_a_single_chat_of_open_webui_is_known_too(tmp_path: Path):
    file = load_file(write_file(tmp_path / "chat.json", open_webui_export()[0]["chat"]))
    assert file.format == "Open WebUI export"
    assert len(file.conversations[0].turns) == 4


def test_all_branches_of_open_webui_on_request():
    conversations = open_webui(open_webui_export(), branches="all")
    assert [lines(item)[-1][1] for item in conversations] == [
        "Error: model not reachable",
        "Oresund",
        "Pong",
    ]


# LM Studio


def test_the_selected_version_of_lm_studio_is_read_in_steps():
    conversation = single(lm_studio(lm_studio_file()))
    assert lines(conversation)[:2] == [
        ("system", "You know rivers."),
        ("user", "How deep is the Elbe?"),
    ]
    call, answer, text = conversation.turns[2:]
    assert call.tool_calls == (ToolCall("read_gauge", '{"river": "Elbe"}', "req-1"),)
    assert (answer.role, answer.text, answer.tool_call_id) == ("tool", '["3.2 m"]', "req-1")
    assert (text.text, text.name) == ("The gauge says 3.2 metres.", "qwen3")


def test_other_versions_and_reports_of_lm_studio_are_left_out_with_their_words():
    left_out = reasons(single(lm_studio(lm_studio_file())))
    assert "How deep is the river?" in left_out["conversation.messages[0].versions[0]"]
    report = left_out["conversation.messages[1].versions[0].steps[5]"]
    assert "Conversation naming technique" in report


# LobeChat


def test_each_topic_of_lobechat_is_a_conversation_in_the_order_of_time():
    topic, rest = lobechat(lobechat_export())
    assert topic.id == "sess/top"
    assert topic.meta == {"title": "Warmth", "session": "Weather desk"}
    assert [turn.role for turn in topic.turns] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    call = ToolCall("weather.now", '{"city": "Malmo"}', "call-3")
    assert topic.turns[2].tool_calls == (call,)
    assert topic.turns[3].tool_call_id == "call-3"
    assert lines(rest)[1:] == [("user", "Other topic"), ("assistant", "Error: quota exceeded")]


def test_lobechats_data_base_is_read_too(tmp_path: Path):
    messages = [
        {"id": "a", "role": "user", "content": "hello", "createdAt": "2025-08-01T10:00:00Z"},
        {"id": "b", "role": "tool", "content": "21", "createdAt": "2025-08-01T10:00:02Z"},
    ]
    plugins = [{"id": "b", "toolCallId": "c9", "identifier": "weather", "apiName": "now"}]
    data = {"messages": messages, "messagePlugins": plugins, "topics": [], "sessions": []}
    export = {"data": data, "mode": "pglite", "schemaHash": "h"}
    conversation = single(load(write_file(tmp_path / "lobe.json", export)))
    assert conversation.turns[1].tool_call_id == "c9"
    assert conversation.turns[1].name == "weather.now"


def test_settings_of_lobechat_are_refused_with_the_export_to_take():
    settings = {"exportType": "settings", "state": {"settings": {"language": "en"}}, "version": 7}
    with pytest.raises(InputError, match="export all data or the sessions"):
        lobechat(settings)


# SillyTavern


def test_a_chat_of_sillytavern_names_its_speakers():
    conversation = single(sillytavern(sillytavern_lines()))
    assert conversation.meta["character_name"] == "Old Pilot"
    names = [(turn.role, turn.name) for turn in conversation.turns]
    assert names == [("assistant", "Old Pilot"), ("user", "Ravi"), ("system", "System")]
    assert conversation.turns[0].text.endswith("Welcome aboard.")
    assert conversation.turns[0].when == datetime(2025, 2, 3, 9, 8)
    chart = Attachment("image", "/user/images/chart.png", "sea chart")
    assert conversation.turns[1].attachments == (chart,)


def test_swiped_replies_are_left_out_with_their_words():
    left_out = reasons(single(sillytavern(sillytavern_lines())))
    assert left_out["conversation[1].swipes"].endswith("Ahoy there.")
    assert left_out["conversation[4]"] == "an empty message: "


@pytest.mark.parametrize(
    ("stamp", "time"),
    [
        ("2024-2-20 @10h 05m 11s 123ms", datetime(2024, 2, 20, 10, 5, 11)),
        ("2025-01-01@10h00m00s", datetime(2025, 1, 1, 10)),
        ("July 14, 2024 3:05pm", datetime(2024, 7, 14, 15, 5)),
        (1720969500000, datetime(2024, 7, 14, 15, 5, tzinfo=UTC)),
        ("some day", None),
        ("2024-2-31 @10h 05m 11s", None),
    ],
)
def test_times_of_sillytavern_are_read(stamp: Any, time: datetime | None):
    line = {"name": "A", "is_user": True, "mes": "hi", "send_date": stamp}
    assert single(sillytavern([line])).turns[0].when == time
