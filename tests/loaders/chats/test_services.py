"""Exports of services for chats: who, when, what and which branch; and which export is whose."""

from __future__ import annotations

import json
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
from support.exports.services import claude_export, gemini_export
from support.exports.trees import chatgpt_export, deepseek_export
from support.left_out import lines, reasons
from support.load_files import single, write_file

from optical_memory.errors import InputError
from optical_memory.loaders import (
    chatgpt,
    claude_ai,
    deepseek,
    gemini_takeout,
    load,
    load_file,
    open_webui,
    sillytavern,
)
from optical_memory.turns import Attachment

# Claude.ai


def test_an_answer_of_claude_is_read_in_the_order_of_its_blocks():
    conversation = single(claude_ai(claude_export()))
    assert conversation.id == "claude-1"
    assert conversation.meta["title"] == "Tides"
    calls = conversation.turns[1].tool_calls
    assert [call.name for call in calls] == ["web_search"]
    assert conversation.turns[1].text.endswith("I will look.")
    assert conversation.turns[2].role == "tool"
    assert conversation.turns[2].text == "Tide tables\nhttps://sea.example\nHigh at noon."
    assert conversation.turns[2].tool_call_id == calls[0].id
    assert lines(conversation)[3] == ("assistant", "High water is at noon.")
    assert len({turn.id for turn in conversation.turns}) == len(conversation.turns)


def test_a_text_that_stands_twice_is_one_turn():
    conversation = single(claude_ai(claude_export()))
    assert sum("High water is at noon." in turn.text for turn in conversation.turns) == 1
    assert ("user", "Draw it") in lines(conversation)  # only `text` has it


def test_documents_of_claude_are_kept_with_their_text():
    turn = single(claude_ai(claude_export())).turns[0]
    assert turn.text == "When is high water?\n\nPasted: harbour\n\nmoor.csv:\nberth,depth"
    assert turn.attachments == (
        Attachment("file", "moor.csv"),
        Attachment("image", "f-77", "quay.png"),
    )


def test_an_artifact_is_a_call_with_its_content():
    call = single(claude_ai(claude_export())).turns[-1].tool_calls[0]
    assert call.name == "artifacts"
    assert json.loads(call.arguments)["content"] == "# Noon"


def test_claude_tells_of_other_branches_and_gives_them():
    left_out = reasons(single(claude_ai(claude_export())))
    assert left_out["conversation[0].chat_messages[1]"].endswith("At midnight.")
    shown, other = claude_ai(claude_export(), branches="all")
    assert lines(other)[1:] == [("assistant", "At midnight.")]
    assert lines(shown) == lines(single(claude_ai(claude_export())))


def test_an_edited_first_question_is_a_branch_of_its_own():
    export = claude_export()
    root = export[0]["chat_messages"][0]["parent_message_uuid"]
    edit = {"uuid": "e", "sender": "human", "text": "Low water?", "parent_message_uuid": root}
    export[0]["chat_messages"].append(edit)
    assert lines(single(claude_ai(export))) == [("user", "Low water?")]


# DeepSeek


def test_the_newest_branch_of_deepseek_is_shown(tmp_path: Path):
    file = load_file(write_file(tmp_path / "conversations.json", deepseek_export()))
    assert file.format == "DeepSeek export"
    conversation = single(list(file.conversations))
    question, answer = conversation.turns
    assert (question.role, question.text) == ("user", "Name a desert.")
    assert question.attachments == (Attachment("image", "file-d1", "dunes.png"),)
    assert question.when == datetime.fromisoformat("2025-04-29T11:59:13.202000+08:00")
    assert (answer.role, str(answer.id)[-2:]) == ("assistant", "/3")
    assert answer.text.endswith("Gobi")
    assert reasons(conversation)["conversations[0].mapping.2.message"].endswith("Sahara")
    assert len(deepseek(deepseek_export(), branches="all")) == 2


# Gemini in Takeout


def test_activities_of_gemini_come_in_the_order_of_time():
    conversation = single(gemini_takeout(gemini_export()))
    assert lines(conversation) == [
        ("user", "no answer came"),
        ("user", "write a haiku"),
        ("assistant", "Still pond\na frog\n\nx = 1\n  y"),
        ("user", "what is in this photo"),
        ("assistant", "A heron & its nest:\n\n- grey\n- tall"),
    ]
    assert conversation.turns[-1].when == datetime(2025, 6, 3, 8, tzinfo=UTC)
    assert conversation.turns[-2].attachments == (Attachment("image", "pic-1.jpg", "heron.jpg"),)


def test_what_is_no_question_to_gemini_is_left_out_with_its_words():
    left_out = reasons(single(gemini_takeout(gemini_export())))
    assert "Gave feedback: Good response" in left_out["conversation[1]"]
    assert "Used Gemini Apps" in left_out["conversation[3]"]


def test_a_question_in_an_account_of_another_language_is_kept_whole():
    activity = {
        "header": "Gemini-Apps",
        "title": "Eingegeben: wie weit ist der Mond",
        "time": "2025-06-03T08:00:00Z",
        "safeHtmlItem": [{"html": "<p>Weit.</p>"}],
    }
    conversation = single(gemini_takeout([activity]))
    assert lines(conversation) == [("user", activity["title"]), ("assistant", "Weit.")]


# Detection by content


@pytest.mark.parametrize(
    ("export", "name"),
    [
        (chatgpt_export, "ChatGPT export"),
        (claude_export, "Claude.ai export"),
        (gemini_export, "Gemini in Google Takeout"),
        (open_webui_export, "Open WebUI export"),
        (lm_studio_file, "LM Studio conversation"),
        (lobechat_export, "LobeChat export"),
        (sillytavern_lines, "SillyTavern chat"),
    ],
)
def test_an_export_is_known_by_its_content(export: Any, name: str, tmp_path: Path):
    assert load_file(write_file(tmp_path / "some.json", export())).format == name


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"id": "u", "email": "a@b.example", "chatgpt_plus_user": True}, "account of ChatGPT"),
        ([{"uuid": "u", "full_name": "A", "email_address": "a@b.example"}], "users of Claude.ai"),
        ([{"uuid": "p", "name": "P", "prompt_template": "", "docs": []}], "projects of Claude.ai"),
        ([{"id": "U1", "team_id": "T", "real_name": "A", "profile": {}}], "users of Slack"),
        ([{"id": "C1", "name": "c", "created": 1, "creator": "U", "members": []}], "channels"),
    ],
)
def test_a_file_beside_the_conversations_is_refused_with_the_file_to_take(
    data: Any, words: str, tmp_path: Path
):
    with pytest.raises(InputError, match=f"{words}.*; take"):
        load(write_file(tmp_path / "beside.json", data))


@pytest.mark.parametrize(
    ("loader", "export"),
    [
        (chatgpt, chatgpt_export),
        (claude_ai, claude_export),
        (deepseek, deepseek_export),
        (open_webui, open_webui_export),
    ],
)
def test_what_is_no_conversation_is_left_out_with_its_words(loader: Any, export: Any):
    left_out = reasons(loader(["words of a stranger", *export()])[0])
    assert left_out["conversation[0]"] == "no conversation: words of a stranger"


@pytest.mark.parametrize("loader", [chatgpt, claude_ai, open_webui, gemini_takeout, sillytavern])
def test_an_export_without_messages_is_refused(loader: Any):
    with pytest.raises(InputError, match="no messages in it"):
        loader([])
