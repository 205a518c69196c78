"""Messages as objects: those of SDKs, dataclasses, bytes, and whole responses of hosts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    HumanMessage,
    ToolMessage,
)
from pydantic import BaseModel

from optical_memory.loaders.messages.turns import message_turns
from optical_memory.turns import Attachment, ToolCall, Turn

# The shapes of the SDKs' own classes, as small as they can be.


class TextBlock(BaseModel):
    type: Literal["text"] = "text"
    text: str
    citations: list[Any] | None = None


class ToolUseBlock(BaseModel):
    type: Literal["tool_use"] = "tool_use"
    id: str
    name: str
    input: object


class AnthropicMessage(BaseModel):
    id: str
    type: Literal["message"] = "message"
    role: Literal["assistant"] = "assistant"
    content: list[TextBlock | ToolUseBlock]
    stop_reason: str | None = None


class Blob(BaseModel):
    mime_type: str | None = None
    data: bytes | None = None


class FunctionCall(BaseModel):
    id: str | None = None
    name: str | None = None
    args: dict[str, Any] | None = None


class GeminiPart(BaseModel):
    text: str | None = None
    thought: bool | None = None
    inline_data: Blob | None = None
    function_call: FunctionCall | None = None
    thought_signature: bytes | None = None


class GeminiContent(BaseModel):
    parts: list[GeminiPart] | None = None
    role: str | None = None


class Function(BaseModel):
    name: str
    arguments: str


class OpenAICall(BaseModel):
    id: str
    type: Literal["function"] = "function"
    function: Function


class ChatCompletionMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str | None = None
    refusal: str | None = None
    annotations: list[Any] | None = None
    audio: Any = None
    function_call: Any = None
    tool_calls: list[OpenAICall] | None = None


class Speaker(Enum):
    USER = "user"


@dataclass
class Note:
    role: Speaker
    content: list[Any] = field(default_factory=list)


CALL = ToolCall("look", '{"at": "port"}', "c1")
ANSWER = AnthropicMessage(
    id="msg_1",
    content=[
        TextBlock(text="I look."),
        ToolUseBlock(id="c1", name="look", input={"at": "port"}),
    ],
)
SPOKEN = Turn("assistant", "I look.", id="msg_1", tool_calls=(CALL,))


def test_a_message_of_anthropics_sdk_is_read_and_so_are_its_blocks_in_a_mapping():
    assert message_turns(ANSWER, "m") == [SPOKEN]
    message = {"role": "assistant", "content": ANSWER.content, "id": "msg_1"}
    assert message_turns(message, "m") == [SPOKEN]


def test_a_message_of_openais_sdk_is_read_and_so_are_its_calls_in_a_mapping():
    call = OpenAICall(id="c1", function=Function(name="look", arguments='{"at": "port"}'))
    message = ChatCompletionMessage(content="I look.", tool_calls=[call])
    turn = Turn("assistant", "I look.", tool_calls=(CALL,))
    assert message_turns(message, "m") == [turn]
    mapping = {"role": "assistant", "content": "I look.", "tool_calls": [call]}
    assert message_turns(mapping, "m") == [turn]


def test_a_content_of_geminis_sdk_is_read_with_its_bytes():
    call = FunctionCall(id="c1", name="look", args={"at": "port"})
    picture = GeminiPart(inline_data=Blob(mime_type="image/png", data=b"\x89PNG"))
    content = GeminiContent(
        role="model", parts=[GeminiPart(text="I look."), GeminiPart(function_call=call), picture]
    )
    (turn,) = message_turns(content, "m")
    assert (turn.role, turn.text, turn.tool_calls) == ("assistant", "I look.", (CALL,))
    (attachment,) = turn.attachments
    assert attachment.kind == "image"
    assert attachment.ref.startswith("data:image/png;sha256=")


def test_a_dataclass_and_a_plain_object_are_read():
    note = Note(Speaker.USER, [TextBlock(text="Where?")])
    assert message_turns(note, "m") == [Turn("user", "Where?")]
    plain = SimpleNamespace(role="user", content="Where?")
    assert message_turns(plain, "m") == [Turn("user", "Where?")]


def test_bytes_are_json_or_text():
    message = json.dumps({"role": "user", "content": "Hvor er båden?"}).encode()
    assert message_turns(message, "m") == [Turn("user", "Hvor er båden?")]
    assert message_turns({"role": "user", "content": b"Where?"}, "m") == [Turn("user", "Where?")]
    (turn,) = message_turns({"role": "user", "content": b"\x89PNG\x00\xff"}, "m")
    assert (turn.text, turn.attachments[0].kind) == ("", "file")


def test_langchains_own_objects_are_read():
    args = {"at": "port"}
    call = {"name": "look", "args": args, "id": "c1"}
    assert message_turns(AIMessage("I look.", id="msg_1", tool_calls=[call]), "m") == [SPOKEN]
    assert message_turns(AIMessageChunk("I look."), "m") == [Turn("assistant", "I look.")]
    assert message_turns(ChatMessage("hi", role="user"), "m") == [Turn("user", "hi")]
    failure = ToolMessage("no port", tool_call_id="c1", status="error")
    assert message_turns(failure, "m") == [Turn("tool", "[error] no port", tool_call_id="c1")]
    dump = HumanMessage("Where?", id="7").model_dump()
    assert message_turns(dump, "m") == [Turn("user", "Where?", id="7")]


@pytest.mark.parametrize("pair", [("human", "Where?"), ["user", "Where?"]])
def test_a_pair_of_role_and_text_is_a_message(pair: Any):
    assert message_turns(pair, "m") == [Turn("user", "Where?")]


RESPONSES: list[dict[str, Any]] = [
    {"choices": [{"message": {"role": "assistant", "content": "At nine."}}]},
    {
        "object": "response",
        "output": [
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "At nine."}],
            }
        ],
    },
    {"candidates": [{"content": {"role": "model", "parts": [{"text": "At nine."}]}}]},
    {"output": {"message": {"role": "assistant", "content": [{"text": "At nine."}]}}},
]


@pytest.mark.parametrize("response", RESPONSES)
def test_a_whole_response_is_its_message(response: dict[str, Any]):
    assert message_turns(response, "m") == [Turn("assistant", "At nine.")]


def test_a_picture_of_ollama_is_an_attachment():
    message = {"role": "user", "content": "Where?", "images": ["map.png"]}
    assert message_turns(message, "m")[0].attachments == (Attachment("image", "map.png"),)
