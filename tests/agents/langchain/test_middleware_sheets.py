"""Sheets at the head of a view: for models that are known to read them, and only for these."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from PIL import Image
from support.scripted_agents import ScriptedModel, lines, memory_in, view_of, words

from optical_memory.agents.langchain import OpticalMemoryMiddleware, count_message_tokens
from optical_memory.agents.langchain.view import has_pictures
from optical_memory.agents.recalled_sheets import drawing_blocks, sheet_prices
from optical_memory.counting import count_tokens
from optical_memory.hosts import host_named
from optical_memory.sheets.as_json import sheet_from_json

CLAUDE = "claude-opus-5-5"
HOST = host_named("claude-5")
STORY = "The garden behind the old mill was full of apples, and nobody knew who had planted them."


def chat(n: int) -> list[Any]:
    messages: list[Any] = []
    for i in range(n):
        messages += [
            HumanMessage(f"Note {i}: topic{i} moved to room {i}. {STORY}", id=f"h{i}"),
            AIMessage(f"So topic{i} is in room {i}.", id=f"a{i}"),
        ]
    return messages


MESSAGES = [*chat(120), HumanMessage("Where is topic3?", id="q")]


class PictureError(Exception):
    """A refusal as providers' packages raise it."""

    status_code = 400


def refuse(messages: list[BaseMessage]) -> AIMessage:
    """The script of a model that takes no pictures."""
    if any(map(has_pictures, messages)):
        raise PictureError("messages.0.content.1: Could not process image")
    return AIMessage("ok")


@pytest.fixture
def make(tmp_path: Path):
    def make_middleware(**settings: Any) -> OpticalMemoryMiddleware:
        memory = memory_in(tmp_path, background=False)
        defaults: dict[str, Any] = {"budget": 4_000, "on_error": "raise"}
        return OpticalMemoryMiddleware(memory=memory, **(defaults | settings))

    return make_middleware


def claude(**fields: Any) -> ScriptedModel:
    return ScriptedModel(model_name=CLAUDE, **fields)


def pictures(view: list[Any]) -> list[Image.Image]:
    """The pictures at the head of a view."""
    return [
        Image.open(io.BytesIO(base64.b64decode(part["base64"])))
        for part in view[0].content
        if isinstance(part, dict) and part["type"] == "image"
    ]


def drawn_words(update: dict[str, Any]) -> str:
    blocks = update["_optical_sheets"]["blocks"]
    sheets = [sheet_from_json(block) for block in blocks if not isinstance(block, str)]
    return " ".join(sheet.text.replace("\n", " ") for sheet in sheets)


def test_a_model_that_reads_sheets_is_shown_three_times_as_much_at_the_head(make):
    view, update = view_of(make(), MESSAGES, model=claude())
    sheets = pictures(view)
    assert sheets
    prices = [HOST.price.tokens(*sheet.size) for sheet in sheets]
    assert prices == sheet_prices(update["_optical_sheets"])
    n_text = count_tokens(drawn_words(update))
    assert HOST.text_tokens(n_text) >= 3 * sum(prices)
    assert "topic3 moved to room 3" in drawn_words(update)
    assert "topic80 moved to room 80" in drawn_words(update)
    assert count_message_tokens(view) <= 4_000


def test_the_agent_of_langchain_is_shown_them_too(tmp_path: Path):
    model = claude()
    middleware = OpticalMemoryMiddleware(memory=memory_in(tmp_path), budget=2_000)
    agent = create_agent(model, middleware=[middleware], checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    agent.invoke({"messages": chat(60)}, config)
    agent.invoke({"messages": [HumanMessage("Where is topic3?")]}, config)
    assert pictures(model.views[-1])
    assert max(map(count_message_tokens, model.views)) <= 2_000
    state = agent.get_state(config).values
    assert len(state["messages"]) == 123
    assert not any(map(has_pictures, state["messages"]))
    assert "_optical_sheets" not in agent.invoke({"messages": [HumanMessage("Thanks.")]}, config)
    middleware.close()


def test_the_state_has_the_words_and_never_the_pictures(make):
    _, update = view_of(make(), MESSAGES, model=claude())
    drawing = update["_optical_sheets"]
    assert json.loads(json.dumps(drawing)) == drawing
    assert "iVBOR" not in json.dumps(update)
    assert len(json.dumps(drawing)) < 2 * len(drawn_words(update))


def test_the_drawing_is_not_written_again_until_the_next_cut(make):
    middleware = make()
    _, update = view_of(middleware, MESSAGES, model=claude())
    more = [*MESSAGES, AIMessage("In room 3."), HumanMessage("And topic4?")]
    _, second = view_of(middleware, more, update, claude())
    assert "_optical_memory" in second
    assert "_optical_sheets" not in second


def test_sheets_have_the_same_bytes_until_the_next_cut_and_in_another_process(make):
    view, update = view_of(make(), MESSAGES, model=claude())
    saved = json.loads(json.dumps(update))
    more = [*MESSAGES, AIMessage("In room 3."), HumanMessage("And topic4?")]
    again, _ = view_of(make(), more, saved, claude())
    assert lines(again)[: len(view)] == lines(view)


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        (ScriptedModel(), {}),
        (ScriptedModel(model_name="somebody/new-model-1"), {}),
        (ScriptedModel(model_name="gpt-6"), {"mode": "image"}),
        (ScriptedModel(model_name=CLAUDE, profile={"image_inputs": False}), {}),
        (ScriptedModel(model_name=CLAUDE), {"mode": "text"}),
    ],
    ids=["nameless", "unknown", "never measured", "blind by its profile", "text wanted"],
)
def test_all_others_get_text(make, model: ScriptedModel, settings: dict[str, Any]):
    view, update = view_of(make(**settings), MESSAGES, model=model)
    assert not any(map(has_pictures, view))
    assert "<recall>" in words(view[:1])
    assert "_optical_sheets" not in update


def test_another_model_in_the_same_chat_gets_the_same_passages_as_text(make):
    middleware = make()
    _, update = view_of(middleware, MESSAGES, model=claude())
    view, _ = view_of(middleware, MESSAGES, update)
    assert words(view[:1]) == update["_optical_memory"]["head"]["passages"]
    assert count_message_tokens(view) <= 4_000


@pytest.mark.parametrize("is_async", [False, True])
def test_a_model_that_refuses_gets_the_same_passages_as_text_once_and_for_all(
    tmp_path: Path, is_async: bool
):
    model = claude(script=refuse)
    middleware = OpticalMemoryMiddleware(memory=memory_in(tmp_path), budget=4_000)
    agent = create_agent(model, middleware=[middleware], checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}

    def say(*messages: Any) -> list[Any]:
        values = {"messages": list(messages)}
        call = agent.ainvoke(values, config) if is_async else None
        result = asyncio.run(call) if call else agent.invoke(values, config)
        return result["messages"]

    assert say(*MESSAGES)[-1].content == "ok"
    n_with_pictures = [any(map(has_pictures, view)) for view in model.views]
    assert n_with_pictures == [True, False]
    text = words(model.views[-1][:1])
    drawn = drawn_words(dict(agent.get_state(config).values))
    notes = re.findall(r"Note \d+: topic\d+ moved", text)
    assert len(notes) > 10
    assert set(notes) < set(re.findall(r"Note \d+: topic\d+ moved", drawn))
    assert "topic3 moved to room 3" in text
    for i in range(120, 150):
        say(*chat(i + 1)[-2:], HumanMessage("Go on."))
    assert not any(any(map(has_pictures, view)) for view in model.views[1:])
    assert len(model.views) == 2 + 30
    middleware.close()


def test_too_many_bytes_are_a_refusal_and_other_errors_are_the_callers(make):
    for status, n_calls in ((413, 2), (500, 1)):
        middleware = make()
        views: list[list[Any]] = []

        def fail(request: ModelRequest[Any], views=views, status=status) -> ModelResponse[Any]:
            views.append(request.messages)
            if any(map(has_pictures, request.messages)):
                error = PictureError("the request is too large")
                error.status_code = status
                raise error
            return ModelResponse(result=[AIMessage("ok")])

        request = ModelRequest(model=claude(), messages=MESSAGES, state={})
        if status == 500:
            with pytest.raises(PictureError):
                middleware.wrap_model_call(request, fail)
        else:
            middleware.wrap_model_call(request, fail)
        assert len(views) == n_calls


def test_the_cache_breakpoint_stands_behind_the_last_sheet(make):
    view, _ = view_of(make(), MESSAGES, model=claude(provider="anthropic"))
    marks = [part.get("cache_control") for part in view[0].content]
    assert marks == [None] * (len(marks) - 1) + [{"type": "ephemeral"}]
    assert [part["type"] for part in view[0].content][1:-1] == ["image"] * (len(marks) - 2)


def test_anthropic_gets_the_sheets(make):
    view, _ = view_of(make(), MESSAGES, model=claude(provider="anthropic"))
    n_sheets = len(pictures(view))
    anthropic = pytest.importorskip("langchain_anthropic.chat_models")
    _, messages = anthropic._format_messages(view, model=CLAUDE)
    kinds = [part["type"] for part in messages[0]["content"]]
    assert kinds.count("image") == n_sheets


def test_roles_may_alternate_and_prices_stay_right(make):
    view, update = view_of(make(alternates=True), MESSAGES, model=claude())
    assert all(view[i].type != view[i + 1].type for i in range(len(view) - 1))
    price = sum(sheet_prices(update["_optical_sheets"]))
    texts = [part for part in view[0].content if part["type"] == "text"]
    without = [view[0].model_copy(update={"content": texts, "additional_kwargs": {}}), *view[1:]]
    assert count_message_tokens(view) == count_message_tokens(without) + price


def test_a_counter_that_knows_no_prices_is_told_them(make):
    def count(messages: Any) -> int:
        return sum(len(words([message])) // 4 for message in messages)

    middleware = make(token_counter=count, recall_tool=False)
    view, update = view_of(middleware, MESSAGES, model=claude())
    price = sum(sheet_prices(update["_optical_sheets"]))
    texts = [part for part in view[0].content if part["type"] == "text"]
    without = [view[0].model_copy(update={"content": texts}), *view[1:]]
    assert middleware.bill.n_tokens == price + count(without) <= 4_000


def test_a_chat_that_was_taken_back_has_no_sheets_of_what_was_said_later(make):
    middleware = make()
    _, update = view_of(middleware, MESSAGES, model=claude())
    view, second = view_of(middleware, chat(3), update, claude())
    assert view == chat(3)
    assert second["_optical_sheets"] is None


def test_a_drawing_gives_its_pictures_in_the_form_of_langchain(make):
    view, update = view_of(make(), MESSAGES, model=claude())
    assert drawing_blocks(update["_optical_sheets"]) == view[0].content
