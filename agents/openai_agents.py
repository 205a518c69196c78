"""A session and an input filter for the OpenAI Agents SDK, which need nothing of it.

Use one of them with a memory: the session keeps the conversation and gives it back short; the
filter works beside any other session, and shortens what a model is shown.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from optical_memory.agents.failures import or_else
from optical_memory.agents.message_groups import is_call
from optical_memory.agents.short_view import short_view
from optical_memory.loaders.messages.turns import message_turns
from optical_memory.recall.window.frame import frame
from optical_memory.recall.window.parts import TextPart
from optical_memory.turns import ToolCall, Turn

if TYPE_CHECKING:
    from optical_memory.memory import OpticalMemory

__all__ = [
    "OpticalSession",
    "input_filter",
]

Item = dict[str, Any]
"""An input item of the Responses API."""


class OpticalSession:
    """The SDK's `Session` over a memory: `Runner.run(agent, "…", session=OpticalSession(memory))`.

    Recent items come back word for word, a call with its result. What was said before them stands
    framed in an item of the user at the head. `limit` counts items from the end.

    If the memory fails there are no items, nothing is added, and the log has the reason.
    """

    session_settings: Any = None

    def __init__(self, memory: OpticalMemory, *, budget: int | None = None) -> None:
        self.memory = memory
        self.budget = budget
        self.session_id = memory.session

    async def get_items(self, limit: int | None = None, **_: Any) -> list[Any]:
        """The items of the conversation, the last `limit` of them if it is given."""
        items: list[Item] = await asyncio.to_thread(or_else, "reading the session", self._items, [])
        return items if limit is None else _from_end(items, limit)

    async def add_items(self, items: list[Any], **_: Any) -> None:
        """Remember items, durably before this returns."""

        def remember() -> None:
            self.memory.remember(_turns_of(items))

        await asyncio.to_thread(or_else, "remembering", remember, None)

    async def pop_item(self, **_: Any) -> Any:
        """Remove the newest item for good, and give it; None if there is none."""
        return await asyncio.to_thread(or_else, "removing the last item", self._pop, None)

    async def clear_session(self, **_: Any) -> None:
        """Forget the session for good. Raises `StoreError` if that fails."""
        await asyncio.to_thread(lambda: self.memory.forget(session=True))

    def _items(self) -> list[Item]:
        window = self.memory.context(budget=self.budget)
        items = list(chain.from_iterable(map(_items_of, window.turns)))
        passages = [part.passage for part in window.passages]
        text = frame(passages, [turn.text for turn in window.turns])
        return [{"role": "user", "content": text}, *items] if text else items

    def _pop(self) -> Item | None:
        turns = self.memory.context(budget=self.budget).turns
        if not turns or turns[-1].turn is None:
            return None
        *rest, last = _items_of(turns[-1])
        self.memory.forget(turn=turns[-1].turn)
        self.memory.remember(_turns_of(rest))
        return last


def input_filter(
    memory: OpticalMemory, budget: int | None = None
) -> Callable[[Any], Awaitable[Any]]:
    """A filter for `RunConfig(call_model_input_filter=input_filter(memory))`.

    Each model call is shown a view of at most `budget` tokens, by default the memory's: the newest
    items, and passages about the last question. The session keeps everything. If the memory fails
    the view has no passages, and the log has the reason.
    """
    n_tokens = memory.budget if budget is None else budget

    async def shorten(data: Any) -> Any:
        items = list(data.model_data.input)
        view = await asyncio.to_thread(
            or_else, "the view", lambda: _view(memory, items, n_tokens), items
        )
        return replace(data.model_data, input=view)

    return shorten


def _view(memory: OpticalMemory, items: Sequence[Item], budget: int) -> list[Item]:
    view = short_view(memory, [_without_id(item) for item in items], budget)
    return view.of(items, lambda passages: {"role": "user", "content": passages})


def _without_id(item: Any) -> Any:
    return {key: item[key] for key in item if key != "id"} if isinstance(item, dict) else item


# ---- items ---------------------------------------------------------------------------------------


def _turns_of(items: Iterable[Any]) -> list[Turn]:
    """The turns of items; calls right after each other are a turn. Each has an id of its own.

    So what is popped, and then said again, is another turn. The ids of items are not used: the SDK
    gives the same to all answers of some models.
    """
    turns: list[Turn] = []
    for turn in chain.from_iterable(message_turns(item, "item") for item in items):
        last = turns[-1] if turns else None
        if last is not None and is_call(last) and is_call(turn):
            turns[-1] = replace(last, tool_calls=(*last.tool_calls, *turn.tool_calls))
        else:
            turns.append(replace(turn, id=uuid.uuid4().hex))
    return turns


def _items_of(turn: TextPart) -> list[Item]:
    """A turn as items: its words, then its calls; the answer of a tool is an item of its own."""
    if turn.role == "tool":
        output = {"call_id": turn.tool_call_id or "", "output": turn.text}
        return [{"type": "function_call_output", **output}]
    words = [{"role": turn.role, "content": turn.text}] if turn.text.strip() else []
    return [*words, *map(_call_item, turn.tool_calls)]


def _call_item(call: ToolCall) -> Item:
    return {
        "type": "function_call",
        "call_id": call.id or "",
        "name": call.name,
        "arguments": call.arguments,
    }


def _from_end(items: Sequence[Item], limit: int) -> list[Item]:
    """The last items, without answers whose calls are not among them."""
    last = list(items[max(0, len(items) - limit) :])
    calls = {item["call_id"] for item in last if item.get("type") == "function_call"}
    return [
        item
        for item in last
        if item.get("type") != "function_call_output" or item["call_id"] in calls
    ]
