"""A middleware of ours takes the place of the summarizer in deepagents."""

from __future__ import annotations

from typing import Any

import pytest

from optical_memory.agents.langchain import for_deep_agents

pytest.importorskip("langchain", reason="needs the extra langchain")

from langchain.agents.middleware import AgentMiddleware
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import HumanMessage


class Watcher(AgentMiddleware):
    """A middleware that notes how many messages the model is shown."""

    def __init__(self, note: str) -> None:
        super().__init__()
        self.note = note
        self.counts: list[int] = []

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        self.counts.append(len(request.messages))
        return handler(request)


class FakeModel(FakeListChatModel):
    """A model that takes tools and never calls them."""

    def bind_tools(self, tools: Any, **settings: Any) -> FakeModel:
        return self


def test_it_is_the_same_middleware_under_the_summarizers_name():
    middleware = for_deep_agents(Watcher)("hello")
    assert isinstance(middleware, Watcher)
    assert middleware.name == "SummarizationMiddleware"
    assert middleware.note == "hello"
    assert Watcher("x").name == "Watcher"


@pytest.mark.filterwarnings("ignore")  # of deepagents and its own dependencies
def test_deepagents_runs_it_in_the_place_of_its_own():
    deepagents = pytest.importorskip("deepagents", reason="needs deepagents")
    middleware = for_deep_agents(Watcher)("hello")
    model = FakeModel(responses=["Hello."])
    agent = deepagents.create_deep_agent(model, middleware=[middleware])
    result = agent.invoke({"messages": [HumanMessage("hi")]})
    assert result["messages"][-1].text == "Hello."
    assert middleware.counts == [1]
