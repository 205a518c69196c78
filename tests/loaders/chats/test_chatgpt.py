"""ChatGPT's export: which branch is shown, who speaks, and contents of every kind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from support.exports.trees import chatgpt_export, node, tree_message
from support.left_out import lines, reasons
from support.load_files import single

from optical_memory.errors import InputError
from optical_memory.loaders import chatgpt
from optical_memory.turns import Attachment, ToolCall


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
        "a": node("a", "b", ["b"], tree_message("a", "user", "Round")),
        "b": node("b", "a", ["a"], tree_message("b", "assistant", "and round")),
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
    mapping = {"n": node("n", None, [], tree_message("n", "assistant", "") | {"content": content})}
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
    message = tree_message("n", "assistant", f"Spray late.{mark}", metadata=metadata)
    conversation = single(chatgpt({"mapping": {"n": node("n", None, [], message)}}))
    assert conversation.turns[0].text == "Spray late. ([Moths](https://moths.example))"
