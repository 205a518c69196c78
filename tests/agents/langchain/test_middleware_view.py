"""What stands in a view: passages at the head, marks for caches, reasoning, pictures, refusals."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from support.scripted_agents import ScriptedModel, lines, memory_in, view_of, words

from optical_memory.agents.langchain import OpticalMemoryMiddleware, count_message_tokens
from optical_memory.errors import StoreError


def chat(n: int) -> list[Any]:
    messages: list[Any] = []
    for i in range(n):
        messages += [
            HumanMessage(f"Note {i}: topic{i} moved to room {i}."),
            AIMessage(f"So topic{i} is in room {i}."),
        ]
    return messages


@pytest.fixture
def make(tmp_path: Path):
    def make_middleware(**settings: Any) -> OpticalMemoryMiddleware:
        memory = memory_in(tmp_path, background=False)
        defaults: dict[str, Any] = {"budget": 600, "on_error": "raise"}
        return OpticalMemoryMiddleware(memory=memory, **(defaults | settings))

    return make_middleware


MESSAGES = [*chat(30), HumanMessage("Where is topic3?")]


def test_a_short_chat_is_shown_as_it_is(make):
    messages = chat(3)
    view, _ = view_of(make(), messages)
    assert view == messages


def test_nothing_to_show_is_no_problem(make):
    assert view_of(make(), [])[0] == []


def test_a_single_message_at_the_head_has_the_passages(make):
    view, _ = view_of(make(), MESSAGES)
    ours = [m for m in view if m.additional_kwargs.get("lc_source") == "optical_memory"]
    assert ours == view[:1]
    assert isinstance(view[0], HumanMessage)
    assert "topic3 " in str(view[0].content)
    assert view[1:] == MESSAGES[-len(view) + 1 :]


def test_keep_says_how_many_messages_stay(make):
    view, _ = view_of(make(budget=2_000, trigger=("messages", 40), keep=("messages", 6)), MESSAGES)
    assert view[1:] == MESSAGES[-6:]


def test_the_cache_breakpoint_stands_on_the_head_for_those_who_take_it(make):
    for provider, has_mark in (("anthropic", True), ("openai", False)):
        view, _ = view_of(make(), MESSAGES, model=ScriptedModel(provider=provider))
        content = view[0].content
        marks = [part.get("cache_control") for part in content if isinstance(part, dict)]
        assert marks == ([{"type": "ephemeral"}] if has_mark else [])


def test_anthropic_gets_the_head_and_its_mark(make):
    anthropic = pytest.importorskip("langchain_anthropic.chat_models")
    view, _ = view_of(make(), MESSAGES, model=ScriptedModel(provider="anthropic"))
    _, messages = anthropic._format_messages(view, model="claude-sonnet-4-5")
    assert messages[0]["content"][0]["cache_control"] == {"type": "ephemeral"}


def test_roles_may_alternate(make):
    middleware = make(alternates=True, keep=("messages", 6))
    view, _ = view_of(middleware, [*chat(30), HumanMessage("Where is topic3?")])
    assert all(view[i].type != view[i + 1].type for i in range(len(view) - 1))


def test_reasoning_before_a_cut_is_left_out_and_later_reasoning_stays(make):
    def thought(i: int) -> AIMessage:
        thinking = {"type": "thinking", "thinking": f"I think {i}.", "signature": f"s{i}"}
        return AIMessage([thinking, {"type": "text", "text": f"So topic{i} is in room {i}."}])

    messages: list[Any] = []
    for i in range(30):
        messages += [HumanMessage(f"Note {i}: topic{i} moved to room {i}."), thought(i)]
    middleware = make(budget=900)
    view, update = view_of(middleware, [*messages, HumanMessage("Go on.")])
    assert "thinking" not in words(view)
    assert "So topic29 is in room 29." in words(view)
    longer = [*messages, HumanMessage("Go on."), thought(30), HumanMessage("And?")]
    again, _ = view_of(middleware, longer, update)
    assert "I think 30." in words(again)
    assert lines(again)[: len(view)] == lines(view)
    assert "thinking" in words(messages)


def test_a_renderer_draws_the_head_and_a_refused_picture_becomes_text_once_and_for_all(make):
    picture = {"type": "image", "base64": "aGVsbG8=", "mime_type": "image/png"}
    texts: list[str] = []

    def draw(text: str, model: Any) -> list[dict[str, Any]]:
        texts.append(text)
        return [{"type": "text", "text": "Earlier:"}, picture]

    middleware = make(renderer=draw, budget=3_000, trigger=("messages", 20))
    view, update = view_of(middleware, MESSAGES)
    assert view[0].content == [{"type": "text", "text": "Earlier:"}, picture]
    assert "aGVsbG8=" not in str(update)

    def refuse(request: ModelRequest[Any]) -> ModelResponse[Any]:
        if "aGVsbG8=" in words(request.messages):
            error = RuntimeError("this model takes no image")
            error.status_code = 400  # type: ignore[attr-defined]
            raise error
        return ModelResponse(result=[AIMessage("ok")])

    request = ModelRequest(model=ScriptedModel(), messages=MESSAGES, state=update)
    middleware.wrap_model_call(request, refuse)
    view, _ = view_of(middleware, MESSAGES, update)
    assert "<recall>" in str(view[0].content)
    assert "aGVsbG8=" not in words(view)


def test_mode_text_never_draws(make):
    middleware = make(mode="text", renderer=lambda text, model: [{"type": "image"}])
    assert "<recall>" in str(view_of(middleware, MESSAGES)[0][0].content)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_request_that_the_provider_finds_too_long_is_made_smaller_once(make, is_async: bool):
    sizes: list[int] = []

    def check(request: ModelRequest[Any]) -> ModelResponse[Any]:
        sizes.append(count_message_tokens(request.messages))
        if sizes[-1] > 900:
            raise ContextOverflowError("prompt is too long")
        return ModelResponse(result=[AIMessage("ok")])

    async def acheck(request: ModelRequest[Any]) -> ModelResponse[Any]:
        return check(request)

    middleware = make(budget=1_400)
    request = ModelRequest(model=ScriptedModel(), messages=chat(36), state={})
    if is_async:
        asyncio.run(middleware.awrap_model_call(request, acheck))
    else:
        middleware.wrap_model_call(request, check)
    assert len(sizes) == 2
    assert sizes[1] <= 0.6 * sizes[0]


def test_other_errors_of_the_model_are_the_callers(make):
    def fail(request: ModelRequest[Any]) -> ModelResponse[Any]:
        raise ConnectionError("no network")

    request = ModelRequest(model=ScriptedModel(), messages=MESSAGES, state={})
    with pytest.raises(ConnectionError):
        make().wrap_model_call(request, fail)


def test_a_failing_memory_raises_only_if_asked_to(make, monkeypatch: pytest.MonkeyPatch):
    def fail(*args: Any) -> None:
        raise StoreError("out of order")

    monkeypatch.setattr("optical_memory.memory.OpticalMemory.sync", fail)
    with pytest.raises(StoreError):
        view_of(make(), MESSAGES)
    view, _ = view_of(make(on_error="passthrough"), MESSAGES)
    assert count_message_tokens(view) <= 600


def test_even_a_bug_of_ours_breaks_no_turn(make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("optical_memory.agents.langchain.views.Steps.record", lambda *args: 1 / 0)
    view, update = view_of(make(on_error="passthrough"), MESSAGES)
    assert view == MESSAGES
    assert update == {}


def test_the_bill_has_the_providers_cache_apart_and_stands_in_log_and_stats(make, caplog):
    usage = {
        "input_tokens": 900,
        "output_tokens": 3,
        "total_tokens": 903,
        "input_token_details": {"cache_read": 700, "cache_creation": 100},
    }

    def handler(request: ModelRequest[Any]) -> ModelResponse[Any]:
        return ModelResponse(result=[AIMessage("ok", usage_metadata=usage)])

    middleware = make(session_id="s")
    request = ModelRequest(model=ScriptedModel(), messages=MESSAGES, state={})
    with caplog.at_level(logging.INFO, "optical_memory"):
        middleware.wrap_model_call(request, handler)
    bill = middleware.bill
    assert (bill.n_input_tokens, bill.n_cache_read_tokens, bill.n_cache_write_tokens) == (
        900,
        700,
        100,
    )
    assert bill.n_history_tokens == count_message_tokens(MESSAGES)
    assert str(bill) in caplog.text
    assert "700 read, 100 written" in str(bill)
    memory = middleware._sessions.conversation("s").memory
    assert memory.stats().bill == bill
    assert memory.stats().to_json()["bill"]["n_requests"] == 1


def test_tool_results_of_every_form_are_shortened_in_place(make):
    text = "word " * 20_000
    block = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": text}]}
    call = {"type": "tool_use", "id": "a", "name": "look", "input": {}}
    for result in (
        [AIMessage([call]), HumanMessage([block])],
        [
            AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "a"}]),
            ToolMessage([{"type": "text", "text": text}], tool_call_id="a"),
        ],
    ):
        view, _ = view_of(make(budget=1_000), [*chat(3), HumanMessage("Look."), *result])
        assert count_message_tokens(view) <= 1_000
        assert "left out here" in words(view)
