"""Redaction at every door: what it masks or keeps out is in no store, and hosts notice nothing."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from support.all_fields import all_fields
from support.mcp_client import answer, text
from support.scripted_agents import view_of, words
from support.secret_turn import raw
from support.shell import Shell

from optical_memory import OpticalMemory, Turn
from optical_memory.agents import compress
from optical_memory.agents.hooks.answers import hook_answer
from optical_memory.agents.langchain import OpticalMemoryMiddleware
from optical_memory.agents.langchain.adapters.chat_history import OpticalChatMessageHistory
from optical_memory.agents.openai_agents import OpticalSession
from optical_memory.errors import InputError
from optical_memory.redaction.masks import count_masks
from optical_memory.testing import TemplateReader
from optical_memory.turns import ToolCall

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
OTHER_TOKEN = "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH"
PASSWORD = "Tr0ub4dor3x"
SECRETS = [TOKEN.encode(), OTHER_TOKEN.encode(), PASSWORD.encode(), PASSWORD.lower().encode()]

CALL = ToolCall("login", json.dumps({"user": "ana", "password": PASSWORD}), "c1")
TALK = [
    Turn("user", f"Deploy the shop with {TOKEN}, please."),
    Turn("assistant", "I log in.", tool_calls=(CALL,)),
    Turn("tool", f'{{"token": "{TOKEN}", "ok": true}}', tool_call_id="c1"),
    Turn("assistant", "Deployed to the staging server."),
    *(Turn("user", f"Note {i}: shelf {i * 7} has green lamps.") for i in range(30)),
    Turn("user", f"The other token is {OTHER_TOKEN}."),
]


def open_memory(url: str, **settings: Any) -> OpticalMemory:
    defaults: dict[str, Any] = {"redact": "mask", "background": False, "semantic": None}
    return OpticalMemory("alice", store=url, reader=TemplateReader(), **(defaults | settings))


def assert_clean(url: str) -> None:
    kept = raw(url)
    assert [secret for secret in SECRETS if secret in kept] == []


@pytest.mark.parametrize("way", ["remember", "sync"])
def test_no_secret_reaches_the_store_its_pages_or_its_index(url: str, way: str):
    with open_memory(url, keep_turns=2) as memory:
        getattr(memory, way)(TALK)
        memory.flush()
        assert memory.stats().pages
        assert_clean(url)
        assert memory.stats().masked_secrets == 4
        found = memory.recall("Deploy the shop")[0].text
        assert count_masks(found) == 1


def test_a_secret_has_one_mask_in_a_session_and_another_in_another(file_url: str):
    with open_memory(file_url, retain="text") as memory, memory.open("bob") as other:
        for session in (memory, other):
            session.remember([Turn("user", f"first {TOKEN}"), Turn("user", f"again {TOKEN}")])
        masks = [
            [part.text.split(" ", 1)[1] for part in session.context(budget=999).turns]
            for session in (memory, other)
        ]
    assert masks[0][0] == masks[0][1] != masks[1][0]


def test_a_host_that_sends_its_whole_list_again_is_recognised(url: str):
    """By the same process, and by another that never saw the list."""
    messages = [{"role": "user", "content": f"Message {i} with {TOKEN}"} for i in range(12)]
    with open_memory(url) as memory:
        ids = memory.sync(messages)
        assert memory.sync([*messages, {"role": "assistant", "content": "ok"}])[:-1] == ids
        with open_memory(url) as other:
            assert other.sync([*messages, {"role": "assistant", "content": "ok"}])[:-1] == ids
            stats = other.stats()
    assert (stats.turns, stats.superseded_turns, stats.masked_secrets) == (13, 0, 12)


def test_an_edit_of_a_message_with_a_secret_is_one_edit(file_url: str):
    messages = [{"id": f"m{i}", "role": "user", "content": f"{i}: {TOKEN}"} for i in range(6)]
    with open_memory(file_url) as memory:
        memory.sync(messages)
        messages[2]["content"] = f"2 corrected: {OTHER_TOKEN}"
        memory.sync(messages)
        stats = memory.stats()
        assert (stats.turns, stats.superseded_turns) == (6, 1)
        assert_clean(file_url)


def test_a_question_is_masked_as_the_turns_are(url: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    with open_memory(url) as memory:
        memory.remember(TALK)
        assert OTHER_TOKEN not in memory.recall(f"Whose token is {OTHER_TOKEN}?")[0].text
        assert "other token" in memory.recall(OTHER_TOKEN)[0].text
        memory.context(f"token {OTHER_TOKEN}", budget=500)
        assert_clean(url)
    assert TOKEN not in caplog.text


def test_a_turn_with_a_secret_in_its_id_is_corrected_and_forgotten_by_that_id(file_url: str):
    with open_memory(file_url) as memory:
        memory.remember([Turn("user", "old", id=TOKEN), Turn("user", "new", id="m2")])
        memory.feedback(TOKEN)
        memory.supersede(TOKEN, by=Turn("user", f"now {PASSWORD}", id="m3"))
        memory.supersede("m2", by=Turn("user", f"password: {PASSWORD}", id="m4"))
        assert memory.forget(turn=TOKEN) == 1
        assert TOKEN.encode() not in raw(file_url)
        assert memory.stats().masked_secrets >= 1


def test_a_turn_that_is_kept_out_has_an_empty_id(url: str):
    with open_memory(url, redact="drop") as memory:
        assert memory.remember([Turn("user", TOKEN), Turn("user", "hello")]) == ["", "t0"]
        ids = memory.sync([Turn("user", TOKEN), Turn("user", "hello"), Turn("user", "hi")])
        assert ids[0] == ""
        assert memory.sync([Turn("user", TOKEN), Turn("user", "hello"), Turn("user", "hi")]) == ids
        assert memory.stats().kept_out_turns == 2
        with pytest.raises(InputError, match="keeps out the turn that is to supersede"):
            memory.supersede("t0", by=Turn("user", f"token: {TOKEN}"))
    assert_clean(url)


def test_a_call_and_its_result_stay_a_pair_without_their_words(file_url: str):
    with open_memory(file_url, redact="drop") as memory:
        memory.remember(TALK[1:4])
        turns = memory.context(budget=999).turns
        assert [(turn.role, turn.text) for turn in turns][:2] == [
            ("assistant", "[kept out: it had a secret]"),
            ("tool", "[kept out: it had a secret]"),
        ]
        assert turns[0].tool_calls[0].id == turns[1].tool_call_id == "c1"
        assert_clean(file_url)


def test_a_function_decides_before_anything_is_stored(url: str):
    def redact(turn: Turn) -> Turn | None:
        return None if TOKEN in turn.text else turn

    with open_memory(url, redact=redact) as memory:
        ids = memory.remember([Turn("user", TOKEN), Turn("user", "hello")])
        assert ids == ["", "t0"]
    assert_clean(url)


def test_a_function_that_fails_keeps_nothing_of_the_call(url: str):
    def fails(turn: Turn) -> Turn:
        raise LookupError

    with open_memory(url, redact=fails) as memory:
        for keep in (memory.remember, memory.sync):
            with pytest.raises(InputError, match="nothing was remembered"):
                keep([Turn("user", TOKEN)])
        assert memory.stats().turns == 0


# ---- agents --------------------------------------------------------------------------------------


def test_a_middleware_shows_the_host_its_own_words_and_keeps_none_of_the_secret(file_url: str):
    for redact in ("mask", "drop"):
        memory = open_memory(file_url, redact=redact, budget=400)
        middleware = OpticalMemoryMiddleware(memory=memory.open(redact), trigger=("tokens", 600))
        messages: list[Any] = [HumanMessage(f"The token is {TOKEN}.")]
        for i in range(40):
            messages += [HumanMessage(f"Note {i} about shelf {i} and lamps."), AIMessage("noted")]
        messages.append(HumanMessage(f"What was the token? {OTHER_TOKEN}"))
        view, state = view_of(middleware, messages)
        view, _ = view_of(middleware, messages, state)
        assert OTHER_TOKEN in words(view)  # the host's own last message
        assert TOKEN not in words(view)
        middleware.close()
        memory.close()
    assert_clean(file_url)


def test_sessions_and_histories_give_back_masks(file_url: str):
    with open_memory(file_url) as memory:
        session = OpticalSession(memory)
        asyncio.run(session.add_items([{"role": "user", "content": f"use {TOKEN}"}]))
        assert TOKEN not in all_fields(asyncio.run(session.get_items()))
        assert TOKEN not in all_fields(asyncio.run(session.pop_item()))
        history = OpticalChatMessageHistory(memory.open("bob"))
        history.add_messages([HumanMessage(f"use {TOKEN}")])
        assert count_masks(words(history.messages)) == 1
    assert_clean(file_url)


def test_a_tool_of_the_mcp_server_keeps_no_secret(file_url: str):
    with open_memory(file_url) as memory:
        text(answer(memory, "remember", content=f"password: {PASSWORD}", id=TOKEN, name="Ana"))
        assert PASSWORD not in text(answer(memory, "recall", query=f"password {PASSWORD}"))
    assert_clean(file_url)


def test_a_hook_keeps_no_secret_of_a_transcript(file_url: str, tmp_path: Path):
    message = {"role": "user", "content": f"password = {PASSWORD}"}
    file = tmp_path / "transcript.jsonl"
    file.write_text(json.dumps({"type": "user", "uuid": "u1", "message": message}))
    event = {"hook_event_name": "Stop", "session_id": "s", "transcript_path": str(file)}
    memory = open_memory(file_url)
    for _ in range(2):
        hook_answer(lambda id: open_memory(file_url), json.dumps(event))
    assert memory.stats().turns == 1
    memory.close()
    assert_clean(file_url)


def test_compress_masks_what_it_recalls_and_not_what_stays():
    messages = [{"role": "user", "content": f"The token is {TOKEN}."}]
    messages += [{"role": "user", "content": f"Note {i}: shelf {i} has lamps."} for i in range(60)]
    messages.append({"role": "user", "content": f"What is the token, {OTHER_TOKEN}?"})
    view = compress(messages, 300, redact="mask")
    assert messages[-1]["content"] in str(view[-1]["content"])
    recalled = str(view)
    assert TOKEN not in recalled
    assert "[secret " in recalled
    assert compress(messages, 300, redact="mask") == view


# ---- commands ------------------------------------------------------------------------------------


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    monkeypatch.setenv("OPTICAL_MEMORY_READER", "optical_memory.testing:TemplateReader")
    return Shell(tmp_path, capsys)


def conversation(folder: Path) -> str:
    messages = [{"role": "user", "content": f"Message {i}: {TOKEN}"} for i in range(4)]
    file = folder / "talk.json"
    file.write_text(json.dumps(messages), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("command", ["remember", "import"])
def test_a_command_keeps_no_secret_of_a_file(shell: Shell, tmp_path: Path, command: str):
    file = conversation(tmp_path)
    for _ in range(2):
        shell.json(command, file, "--secrets", "mask")
    assert_clean(shell.store)
    session = "default" if command == "remember" else "talk/talk"
    stats = shell.json("stats", "--session", session)
    assert (stats["turns"], stats["masked_secrets"]) == (4, 4)


def test_a_variable_turns_the_guard_on_for_all_commands(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPTICAL_MEMORY_SECRETS", "drop")
    assert shell.json("remember", conversation(tmp_path))["turns"] == [""] * 4
    assert_clean(shell.store)


def test_without_the_option_nothing_is_masked(shell: Shell, tmp_path: Path):
    shell.json("remember", conversation(tmp_path))
    assert TOKEN.encode() in raw(shell.store)
