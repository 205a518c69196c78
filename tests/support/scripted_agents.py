"""Agents of LangChain whose model is a script, and our middleware over a memory in a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from optical_memory import OpticalMemory
from optical_memory.agents.langchain import OpticalMemoryMiddleware
from optical_memory.testing import TemplateReader

Script = Callable[[list[BaseMessage]], AIMessage]


def answer(messages: list[BaseMessage]) -> AIMessage:
    """An answer that says the number of the messages that the model was shown."""
    return AIMessage(f"Answer to {len(messages)} messages, all noted.")


class ScriptedModel(BaseChatModel):
    """Answers as its script says, and keeps what it was shown."""

    script: Script = answer
    views: list[list[BaseMessage]] = Field(default_factory=list)
    tools: list[list[str]] = Field(default_factory=list)
    provider: str = "scripted"
    model_name: str = ""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _get_ls_params(self, stop: Any = None, **kwargs: Any) -> Any:
        return {"ls_provider": self.provider, "ls_model_type": "chat"}

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        self.tools.append([getattr(tool, "name", str(tool)) for tool in tools])
        return self

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any):
        self.views.append(list(messages))
        return ChatResult(generations=[ChatGeneration(message=self.script(list(messages)))])


def memory_in(folder: Any, **settings: Any) -> OpticalMemory:
    """A memory in a file, that finds by words alone."""
    defaults: dict[str, Any] = {
        "store": f"sqlite:///{folder}/memory.db",
        "reader": TemplateReader(),
        "semantic": None,
    }
    return OpticalMemory(**(defaults | settings))


def view_of(
    middleware: OpticalMemoryMiddleware,
    messages: Sequence[AnyMessage],
    state: dict[str, Any] | None = None,
    model: BaseChatModel | None = None,
    **fields: Any,
) -> tuple[list[AnyMessage], dict[str, Any]]:
    """What a model is shown of these messages, and the update of the state; without any graph."""
    requests: list[ModelRequest[Any]] = []

    def handler(request: ModelRequest[Any]) -> ModelResponse[Any]:
        requests.append(request)
        return ModelResponse(result=[AIMessage("ok")])

    request = ModelRequest(
        model=model or ScriptedModel(), messages=list(messages), state=state or {}, **fields
    )
    response = middleware.wrap_model_call(request, handler)
    command = getattr(response, "command", None)
    return list(requests[-1].messages), dict(command.update) if command else {}


def lines(messages: Sequence[BaseMessage]) -> list[str]:
    """Each message as a line, to compare views byte for byte."""
    return [
        json.dumps([m.type, m.content, getattr(m, "tool_calls", None)], default=str)
        for m in messages
    ]


def words(messages: Sequence[BaseMessage]) -> str:
    """All words of messages."""
    return "\n".join(str(message.content) for message in messages)
