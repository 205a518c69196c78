"""Exports of services and programs for chats with a model: who, when, what, and which branch."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.chat_files import (
    chatgpt_export,
    claude_export,
    deepseek_export,
    gemini_export,
    lm_studio_file,
    lobechat_export,
    node,
    open_webui_export,
    said,
    sillytavern_lines,
)
from support.load_files import single, write_file

from optical_memory.errors import InputError
from optical_memory.loaders import (
    Conversation,
    chatgpt,
    claude_ai,
    deepseek,
    gemini_takeout,
    lm_studio,
    load,
    load_file,
    lobechat,
    open_webui,
    sillytavern,
)
from optical_memory.turns import Attachment, ToolCall


def lines(conversation: Conversation) -> list[tuple[str, str]]:
    """The role and the text of each turn."""
    return [(turn.role, turn.text) for turn in conversation.turns]


def reasons(conversation: Conversation) -> dict[str, str]:
    """The words that were left out, by their place, with the reason in front."""
    return {item.place: f"{item.reason}: {item.text}" for item in conversation.left_out}


# ChatGPT


def test_the_shown_branch_of_chatgpt_is_the_conversation():
    conversation = single(chatgpt(chatgpt_export()))
    assert conversation.id == "conv-apples"
    assert conversation.meta["title"] == "Orchard"
    assert conversation.meta["model"] == "gpt-5"
    texts = [text for role, text in lines(conversation) if role in ("user", "assistant")]
    assert texts == [
        "Which pest is this?",
        "Looking closer\nHoles mean larvae.",
        "",
        "A codling moth.",
        "And when do I spray?",
        "After petal fall.",
    ]
    assert conversation.turns[1].id == "ask"
    assert conversation.turns[1].when == datetime.fromtimestamp(1736000003.5, UTC)


def test_instructions_are_the_systems_and_no_words_of_the_user():
    conversation = single(chatgpt(chatgpt_export()))
    assert lines(conversation)[0] == ("system", "I grow apples near Kivik.\nAnswer briefly.")


def test_pictures_files_and_voices_of_chatgpt_are_kept_by_name():
    turns = {turn.id: turn for turn in single(chatgpt(chatgpt_export())).turns}
    assert turns["ask"].attachments == (
        Attachment("image", "file-service://file-Leaf1", "leaf.jpg"),
        Attachment("file", "file-Plan2", "orchard.pdf"),
    )
    assert turns["say"].attachments == (Attachment("audio", "sediment://file_voice9"),)


def test_words_to_a_tool_are_a_call_and_answers_belong_to_it():
    turns = {turn.id: turn for turn in single(chatgpt(chatgpt_export())).turns}
    assert turns["call"].tool_calls == (ToolCall("python", "print(6 * 7)", "call"),)
    answers = [turns[id] for id in ("out", "quo", "brw")]
    assert [answer.tool_call_id for answer in answers] == ["call"] * 3
    assert [answer.name for answer in answers] == ["python", "browser", "browser"]
    assert "https://moths.example/codling" in turns["quo"].text


def test_another_branch_is_left_out_with_its_words():
    left_out = reasons(single(chatgpt(chatgpt_export())))
    other = "a branch that is not shown"
    assert left_out["conversation[0].mapping.old.message"].startswith(other)
    assert "Perhaps aphids." in left_out["conversation[0].mapping.old.message"]
    assert "Aphids? Really?" in left_out["conversation[0].mapping.oldthanks.message"]
    assert left_out["conversation[1]"] == "a conversation without messages: Nothing here"


def test_all_branches_are_conversations_on_request():
    shown, other = chatgpt(chatgpt_export(), branches="all")
    assert shown.id == "conv-apples"
    assert other.id == "conv-apples/oldthanks"
    assert [text for _, text in lines(other)][-2:] == ["Perhaps aphids.", "Aphids? Really?"]
    assert lines(other)[:2] == lines(shown)[:2]
    assert not any("branch" in item.reason for item in shown.left_out + other.left_out)


def test_an_unknown_choice_of_branches_is_refused():
    with pytest.raises(InputError, match='must be "shown" or "all"'):
        chatgpt(chatgpt_export(), branches="both")


def test_without_a_current_node_the_newest_branch_is_shown():
    export = chatgpt_export()
    del export[0]["current_node"]
    assert lines(single(chatgpt(export)))[-1] == ("assistant", "After petal fall.")


def test_parents_are_known_from_children_too():
    export = chatgpt_export()
    for item in export[0]["mapping"].values():
        del item["parent"]
    assert lines(single(chatgpt(export))) == lines(single(chatgpt(chatgpt_export())))


def test_a_tree_that_bites_its_tail_ends():
    mapping = {
        "a": node("a", "b", ["b"], said("a", "user", "Round")),
        "b": node("b", "a", ["a"], said("b", "assistant", "and round")),
    }
    conversation = single(chatgpt({"mapping": mapping, "current_node": "b"}))
    assert lines(conversation) == [("user", "Round"), ("assistant", "and round")]


@pytest.mark.parametrize(
    "content",
    [
        {"content_type": "holodeck", "scene": "a harbour at dawn"},
        {"content_type": "text", "parts": [{"content_type": "new", "scene": "a harbour at dawn"}]},
        {"content_type": "system_error", "name": "Timeout", "text": "a harbour at dawn"},
        "a harbour at dawn",
    ],
)
def test_a_content_of_an_unknown_type_is_kept_as_text(content: Any):
    mapping = {"n": node("n", None, [], said("n", "assistant", "") | {"content": content})}
    conversation = single(chatgpt({"mapping": mapping, "current_node": "n"}))
    assert "a harbour at dawn" in conversation.turns[0].text


def test_a_message_whose_words_stand_under_another_key_is_kept():
    message = {"id": "n", "author": {"role": "user"}, "content": None, "words": "hidden well"}
    mapping = {"n": node("n", None, [], message)}
    assert "hidden well" in single(chatgpt({"mapping": mapping})).turns[0].text


def test_marks_of_citations_become_the_words_that_are_shown():
    mark = "\ue200cite\ue202turn0search1\ue201"
    references = [{"matched_text": mark, "alt": " ([Moths](https://moths.example))"}]
    metadata = {"content_references": references}
    message = said("n", "assistant", f"Spray late.{mark}", metadata=metadata)
    conversation = single(chatgpt({"mapping": {"n": node("n", None, [], message)}}))
    assert conversation.turns[0].text == "Spray late. ([Moths](https://moths.example))"


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


@pytest.mark.parametrize("loader", [chatgpt, claude_ai, open_webui, gemini_takeout, sillytavern])
def test_an_export_without_messages_is_refused(loader: Any):
    with pytest.raises(InputError, match="no messages in it"):
        loader([])
