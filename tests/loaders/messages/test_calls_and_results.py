"""Calls of tools and their results in every form: paired by id, and failures are told."""

from __future__ import annotations

from typing import Any

import pytest

from optical_memory.loaders import openai_messages
from optical_memory.loaders.messages.turns import message_turns
from optical_memory.turns import ToolCall, Turn

CALL = ToolCall("look", '{"at": "port"}', "c1")
INPUT = {"at": "port"}


def turns(*messages: Any) -> tuple[Turn, ...]:
    return openai_messages(list(messages))[0].turns


PAIRS: dict[str, list[Any]] = {
    "OpenAI": [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "look", "arguments": '{"at": "port"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "a ship"},
    ],
    "Responses": [
        {
            "type": "function_call",
            "call_id": "c1",
            "name": "look",
            "arguments": '{"at": "port"}',
        },
        {"type": "function_call_output", "call_id": "c1", "output": "a ship"},
    ],
    "Anthropic": [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c1", "name": "look", "input": INPUT}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "a ship"}],
        },
    ],
    "Anthropic, run by the host": [
        {
            "role": "assistant",
            "content": [
                {"type": "mcp_tool_use", "id": "c1", "name": "look", "input": INPUT},
                {
                    "type": "mcp_tool_result",
                    "tool_use_id": "c1",
                    "content": [{"type": "text", "text": "a ship"}],
                },
            ],
        }
    ],
    "Bedrock": [
        {
            "role": "assistant",
            "content": [{"toolUse": {"toolUseId": "c1", "name": "look", "input": INPUT}}],
        },
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": "a ship"}]}}],
        },
    ],
    "Vercel UI message": [
        {
            "role": "assistant",
            "parts": [
                {"type": "step-start"},
                {
                    "type": "tool-look",
                    "toolCallId": "c1",
                    "state": "output-available",
                    "input": INPUT,
                    "output": "a ship",
                },
            ],
        }
    ],
    "Vercel, version 4": [
        {
            "role": "assistant",
            "content": "",
            "toolInvocations": [
                {
                    "state": "result",
                    "toolCallId": "c1",
                    "toolName": "look",
                    "args": INPUT,
                    "result": "a ship",
                }
            ],
        }
    ],
    "Vercel model messages": [
        {
            "role": "assistant",
            "content": [
                {"type": "tool-call", "toolCallId": "c1", "toolName": "look", "input": INPUT}
            ],
        },
        {
            "role": "tool",
            "content": [
                {
                    "type": "tool-result",
                    "toolCallId": "c1",
                    "toolName": "look",
                    "output": {"type": "text", "value": "a ship"},
                }
            ],
        },
    ],
    "LangGraph": [
        {
            "type": "ai",
            "content": "",
            "tool_calls": [{"name": "look", "args": INPUT, "id": "c1", "type": "tool_call"}],
        },
        {"type": "tool", "content": "a ship", "tool_call_id": "c1", "status": "success"},
    ],
    "Gemini": [
        {"role": "model", "parts": [{"functionCall": {"id": "c1", "name": "look", "args": INPUT}}]},
        {
            "role": "user",
            "parts": [
                {
                    "functionResponse": {
                        "id": "c1",
                        "name": "look",
                        "response": {"output": "a ship"},
                    }
                }
            ],
        },
    ],
}


@pytest.mark.parametrize("form", PAIRS)
def test_a_call_and_its_result_have_the_same_id(form: str):
    call, result = turns(*PAIRS[form])
    assert (call.role, call.text, call.tool_calls) == ("assistant", "", (CALL,))
    assert (result.role, result.text, result.tool_call_id) == ("tool", "a ship", "c1")


FAILURES: dict[str, dict[str, Any]] = {
    "Anthropic": {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "c1", "is_error": True, "content": "no port"}
        ],
    },
    "Bedrock": {
        "role": "user",
        "content": [
            {
                "toolResult": {
                    "toolUseId": "c1",
                    "status": "error",
                    "content": [{"text": "no port"}],
                }
            }
        ],
    },
    "LangChain": {"type": "tool", "content": "no port", "tool_call_id": "c1", "status": "error"},
    "Vercel": {
        "role": "tool",
        "content": [
            {
                "type": "tool-result",
                "toolCallId": "c1",
                "output": {"type": "error-text", "value": "no port"},
            }
        ],
    },
    "MCP": {"role": "tool", "tool_call_id": "c1", "isError": True, "content": "no port"},
    "Anthropic's search": {
        "role": "user",
        "content": [
            {
                "type": "web_search_tool_result",
                "tool_use_id": "c1",
                "content": {"type": "web_search_tool_result_error", "error_code": "no port"},
            }
        ],
    },
}


@pytest.mark.parametrize("form", FAILURES)
def test_a_result_says_that_the_call_failed(form: str):
    (turn,) = turns(FAILURES[form])
    assert (turn.role, turn.text, turn.tool_call_id) == ("tool", "[error] no port", "c1")


def test_a_tool_that_the_host_ran_stands_between_the_words_before_it_and_after_it():
    content = [
        {"type": "text", "text": "I look it up."},
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"q": "ferry"}},
        {
            "type": "web_search_tool_result",
            "tool_use_id": "s1",
            "content": [{"type": "web_search_result", "title": "Ferries", "url": "https://a.org"}],
        },
        {"type": "text", "text": "At nine."},
    ]
    before, result, after = message_turns({"role": "assistant", "id": "m", "content": content}, "m")
    assert (before.text, before.id, len(before.tool_calls)) == ("I look it up.", "m", 1)
    assert (result.text, result.tool_call_id) == ("[source: Ferries <https://a.org>]", "s1")
    assert (after.text, after.id) == ("At nine.", None)


def test_an_answer_without_a_word_still_answers_its_call():
    (turn,) = turns({"role": "tool", "tool_call_id": "c1", "content": ""})
    assert (turn.text, turn.tool_call_id) == ("[no output]", "c1")


def test_a_call_beside_the_content_is_there_once():
    message = {
        "type": "ai",
        "content": [{"type": "tool_use", "id": "c1", "name": "look", "input": INPUT}],
        "tool_calls": [{"name": "look", "args": INPUT, "id": "c1"}],
    }
    assert turns(message)[0].tool_calls == (CALL,)


def test_a_call_without_a_name_has_a_name_that_says_so():
    call = {"id": "a", "type": "function", "function": {"name": None, "arguments": ""}}
    (turn,) = turns({"role": "assistant", "tool_calls": [call]})
    assert turn.tool_calls == (ToolCall("unnamed", "", "a"),)


def test_numbers_are_ids():
    call, result = turns(
        {"role": "assistant", "id": 0, "tool_calls": [{"id": 7, "name": "look", "args": {}}]},
        {"role": "tool", "id": 1, "tool_call_id": 7, "content": "a ship"},
    )
    assert (call.id, call.tool_calls[0].id) == ("0", "7")
    assert (result.id, result.tool_call_id) == ("1", "7")


@pytest.mark.parametrize(
    ("item", "name", "arguments"),
    [
        (
            {"type": "local_shell_call", "call_id": "c", "action": {"command": ["ls"]}},
            "local_shell",
            '{"command": ["ls"]}',
        ),
        (
            {"type": "file_search_call", "id": "f", "status": "completed", "queries": ["rope"]},
            "file_search",
            '{"queries": ["rope"]}',
        ),
        ({"type": "custom_tool_call", "call_id": "c", "name": "run", "input": "1+1"}, "run", "1+1"),
        ({"type": "brand_new_call", "call_id": "c", "input": "x"}, "brand_new", "x"),
    ],
)
def test_items_of_the_responses_api_are_calls(item: dict[str, Any], name: str, arguments: str):
    (turn,) = turns(item)
    assert turn.role == "assistant"
    assert (turn.tool_calls[0].name, turn.tool_calls[0].arguments) == (name, arguments)


def test_a_program_of_the_host_is_a_call_with_its_output():
    item = {
        "type": "code_interpreter_call",
        "id": "ci",
        "code": "print(4)",
        "outputs": [{"type": "logs", "logs": "4"}],
    }
    call, result = turns(item)
    assert call.tool_calls == (ToolCall("code_interpreter", '{"code": "print(4)"}', "ci"),)
    assert (result.text, result.tool_call_id) == ("4", "ci")
