"""Pydantic-AI with a memory: a capability that shortens what the model is shown of a long history.

python examples/with_pydantic_ai.py              # a scripted model, no network
MODEL=anthropic:claude-sonnet-5 python examples/with_pydantic_ai.py
"""

import asyncio
import os
import tempfile
from dataclasses import replace

from pydantic_ai import Agent
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, UserPromptPart
from pydantic_ai.models.function import FunctionModel

from optical_memory import OpticalMemory
from optical_memory.agents.short_view import short_view


def words_of(message: ModelMessage) -> dict[str, object]:
    """A message of Pydantic-AI as a message that the memory reads."""
    calls = []
    texts = []
    role = "user" if isinstance(message, ModelRequest) else "assistant"
    for part in message.parts:
        if part.part_kind == "tool-call":
            call = {"name": part.tool_name, "arguments": part.args_as_json_str()}
            calls.append({"id": part.tool_call_id, "function": call})
        elif part.part_kind == "tool-return":
            result = {"type": "tool_result", "tool_use_id": part.tool_call_id}
            texts.append({**result, "content": part.model_response_str()})
        elif isinstance(part.content, str) and part.part_kind != "system-prompt":
            texts.append({"type": "text", "text": part.content})
    return {"role": role, "content": texts, "tool_calls": calls}


class Memory(AbstractCapability):
    """The newest messages, and passages about the last question; the run's history stays whole."""

    def __init__(self, memory: OpticalMemory, budget: int) -> None:
        self.memory = memory
        self.budget = budget

    async def prepare_model_request(self, ctx, request_context):
        messages = request_context.messages
        words = [words_of(message) for message in messages]
        view = await asyncio.to_thread(short_view, self.memory, words, self.budget)
        shown = view.of(messages, lambda text: ModelRequest(parts=[UserPromptPart(text)]))
        return replace(request_context, messages=shown)


def scripted(messages: list[ModelMessage], info: object) -> ModelResponse:
    is_there = "room 7." in str(messages[0])
    return ModelResponse(parts=[TextPart(f"{len(messages)} messages; the room: {is_there}")])


history: list[ModelMessage] = []
for i in range(60):
    history.append(ModelRequest(parts=[UserPromptPart(f"Note {i}: the meeting is in room {i}.")]))
    history.append(ModelResponse(parts=[TextPart(f"Noted, {i}.")]))
with (
    tempfile.TemporaryDirectory() as folder,
    OpticalMemory("example", store=f"sqlite:///{folder}/memory.db") as memory,
):
    model = os.environ.get("MODEL") or FunctionModel(scripted)
    agent = Agent(model, capabilities=[Memory(memory, budget=500)])
    result = agent.run_sync("In which room was the meeting of note 7?", message_history=history)
    print(result.output)
    print(f"{len(result.all_messages())} messages in the run's history")
