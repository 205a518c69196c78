"""Rows of published data sets: whose words are turns, and which answers are left out."""

from __future__ import annotations

import json

import pytest
from support.corpus_files import (
    ALPACA,
    ARENA,
    MESSAGE_ROWS,
    OASST,
    OASST_TREES,
    PREFERENCES,
    SHAREGPT,
    ULTRACHAT,
    WILDCHAT,
)
from support.load_files import single

from optical_memory.errors import InputError
from optical_memory.loaders import (
    Conversation,
    arena_chats,
    message_rows,
    oasst,
    prompts,
    sharegpt,
)


def said(conversation: Conversation) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in conversation.turns]


def test_a_wildchat_row_has_its_messages_model_and_times():
    conversation = single(arena_chats(WILDCHAT))
    assert said(conversation) == [("user", "Name a knot."), ("assistant", "Bowline.")]
    assert (conversation.id, conversation.meta["model"]) == ("w1", "gpt-4-0314")
    assert [turn.when is None for turn in conversation.turns] == [True, False]


def test_an_empty_row_among_others_is_told_and_alone_refused():
    assert [item.place for item in single(arena_chats(WILDCHAT)).left_out] == ["conversation[1]"]
    with pytest.raises(InputError, match="no turns"):
        arena_chats(WILDCHAT[1:])


def test_a_row_with_two_models_is_two_conversations():
    first, second = arena_chats(ARENA)
    assert (first.id, first.meta["model"], first.turns[1].text) == ("k9-a", "alpaca", "No.")
    assert (second.id, second.meta["model"], second.turns[1].text) == ("k9-b", "vicuna", "Tied.")


def test_texts_without_roles_are_the_users_and_the_assistants_in_turn():
    conversation = single(arena_chats(ULTRACHAT))
    assert said(conversation)[:2] == [("user", "Which rope?"), ("assistant", "Hemp.")]
    assert len(conversation.turns) == 4


def test_a_row_of_messages_is_a_conversation_by_the_id_of_its_prompt():
    conversation = single(message_rows(MESSAGE_ROWS))
    assert said(conversation) == [("user", "Splice it."), ("assistant", "Spliced.")]
    assert conversation.id == "p1"
    assert [item.place for item in conversation.left_out] == ["conversation[1]"]


def test_of_a_tree_the_path_of_the_best_answers_is_the_conversation():
    first, second = oasst(OASST)
    assert said(first) == [
        ("user", "What is hemp?"),
        ("assistant", "A plant."),
        ("user", "Where does it grow?"),
        ("assistant", "In the sun."),
    ]
    assert [turn.id for turn in first.turns] == ["p1", "a2", "q2", "a4"]
    texts = [item.text for item in first.left_out]
    assert all(word in str(texts) for word in ("A song.", "Who sings it?", "In fields."))
    assert said(second) == [("user", "Another tree.")]


def test_nested_trees_are_read_like_rows():
    conversation = single(oasst(OASST_TREES))
    assert [turn.text for turn in conversation.turns] == ["What is jute?", "A fibre.", "Thanks."]
    assert "A boat." in conversation.left_out[0].text


def test_messages_that_are_their_own_parents_are_refused():
    rows = [{"message_id": "a", "parent_id": "a", "text": "x", "role": "prompter"}]
    with pytest.raises(InputError, match="no conversation"):
        oasst(rows)


def test_a_sharegpt_row_has_its_system_prompt_and_the_chosen_answer():
    conversation = single(sharegpt(SHAREGPT))
    roles = ["system", "user", "assistant", "tool", "assistant"]
    assert [turn.role for turn in conversation.turns] == roles
    assert conversation.turns[0].text == "You rig ships."
    assert conversation.turns[-1].text == "It is up."
    assert "pulls a rope" in conversation.meta["tools"]
    assert conversation.left_out[0].reason == "an answer that people rejected"


def test_an_alpaca_row_has_its_history_before_its_prompt():
    assert said(single(prompts(ALPACA))) == [
        ("system", "You know German."),
        ("user", "Segel?"),
        ("assistant", "Sail"),
        ("user", "Translate.\nTau"),
        ("assistant", "Rope"),
    ]


def test_a_pair_of_answers_gives_the_chosen_one():
    first, second, third = prompts(PREFERENCES)
    assert said(first) == [("user", "Belay!"), ("assistant", "Made fast.")]
    assert [text for _, text in said(second)] == ["Reef it.", "Reefed.", "Good.", "Aye."]
    assert [role for role, _ in said(second)] == ["user", "assistant"] * 2
    assert said(third) == [("user", "Furl it."), ("assistant", "Furled.")]
    assert ["What?" in item.text for item in first.left_out] == [True]


def test_pictures_beside_a_row_are_in_the_first_message_of_the_user():
    row = {
        "images": ["deck.png"],
        "conversations": [
            {"from": "human", "value": "<image>Whose?"},
            {"from": "gpt", "value": "Mine."},
        ],
    }
    first, _ = single(sharegpt(row)).turns
    assert (first.text, first.attachments[0].ref) == ("<image>Whose?", "deck.png")


def test_messages_that_are_json_in_a_text_are_read():
    row = {"instance_id": "x", "messages": json.dumps(MESSAGE_ROWS[0]["messages"])}
    assert len(single(message_rows([row])).turns) == 2


def test_ids_that_come_again_in_a_tree_do_not_hang():
    rows = [
        {"message_id": "a", "parent_id": None, "text": "Ask.", "role": "prompter"},
        {"message_id": "b", "parent_id": "a", "text": "Say.", "role": "assistant"},
        {"message_id": "a", "parent_id": "b", "text": "More.", "role": "prompter"},
    ]
    conversation = single(oasst(rows))
    assert [turn.text for turn in conversation.turns] == ["Ask.", "Say."]
    assert "More." in conversation.left_out[0].text
