"""A middleware of ours in the place of the summarizer that deepagents brings."""

from __future__ import annotations

from typing import Any, TypeVar, cast

__all__ = [
    "for_deep_agents",
]

Middleware = TypeVar("Middleware")

NAME = "SummarizationMiddleware"
"""deepagents puts a middleware of this name in the place of its own summarizer."""


def for_deep_agents(middleware: type[Middleware]) -> type[Middleware]:
    """The class of a middleware under the name of deepagents' summarizer, which it replaces.

    `create_deep_agent(model, middleware=[for_deep_agents(OpticalMemoryMiddleware)(model, …)])`.
    Without it both would work side by side, and the summarizer would shorten what ours shows.
    """
    fields: dict[str, Any] = {"__doc__": middleware.__doc__, "__module__": middleware.__module__}
    return cast("type[Middleware]", type(NAME, (middleware,), fields))
