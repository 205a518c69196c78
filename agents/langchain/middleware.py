"""`OpticalMemoryMiddleware`: long chats fit the window, and the state keeps every message."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, get_args

from langchain.agents.middleware.types import (
    AgentMiddleware,
    ExtendedModelResponse,
    ModelRequest,
    ModelResponse,
    TracePolicy,
    omit_payload,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, RemoveMessage
from langgraph.types import Command

from optical_memory.agents.failures import OnError
from optical_memory.agents.langchain.counting import TokenCounter, count_message_tokens
from optical_memory.agents.langchain.facts import FactBook
from optical_memory.agents.langchain.presentation import PassageRenderer, Presenter, ViewMode
from optical_memory.agents.langchain.refusals import is_overflow, is_picture_refusal
from optical_memory.agents.langchain.sessions import SessionName, Sessions, open_memories
from optical_memory.agents.langchain.sizes import ContextSize, Keep, Trigger, TriggerSpec
from optical_memory.agents.langchain.state import OpticalMemoryState, has_archive, record_of
from optical_memory.agents.langchain.steps import Sizes
from optical_memory.agents.langchain.tool import (
    can_call_tools,
    conversation_tool,
)
from optical_memory.agents.langchain.views import View, ViewMaker
from optical_memory.counting import Bill
from optical_memory.errors import require_word
from optical_memory.memory import OpticalMemory
from optical_memory.stores.turn_time import TURN_SECONDS, turn_time
from optical_memory.telemetry.event_table import REQUEST_BILLED, VIEW_FAILED
from optical_memory.telemetry.events import emit

__all__ = [
    "OpticalMemoryMiddleware",
]

OVERFLOW_SHARE = 0.6
"""Share of a refused view that the next try may have: providers' counts differ by a third."""

Request = ModelRequest[Any]
Response = ModelResponse[Any] | AIMessage | ExtendedModelResponse[Any]


class OpticalMemoryMiddleware(AgentMiddleware[OpticalMemoryState, Any, Any]):
    """Shows the model a short view of a long chat, and remembers all of it.

    If the view would be too large, its older messages leave it, and passages of the memory stand
    at its head: what is about the question, and what came last. The state of the agent keeps every
    message. Between two such cuts the beginning of the view stays the same, byte for byte.

    `trigger`, `keep` and `token_counter` mean what they mean in SummarizationMiddleware; `budget`
    is a limit in tokens besides. Without both, the limit is the memory's budget, if `memory` is
    given, else half of the model's window. `model` says whose window; by default that of each
    request. The memory is `memory`, or opened at `redis_url` or `redis_client` (`ttl` is how many
    seconds cached tokens live, `key_prefix` starts every key), or at `REDIS_URL` of the
    environment, or in the user's file. A conversation's session is `session_id`, a name or a
    function of state and runtime; by default the memory's own name, if it has one, or the thread.
    With `recall_tool` the agent may ask the memory, once something has left the view. With
    `prune_state` what left the view leaves the state too, if it is remembered. In `mode` "auto" the
    passages at the head are drawn on sheets, if the model is known to read them and their text
    would cost 1.5 times as much; in "image", if it would cost more at all. A `renderer` draws them
    in place of ours. A model that refuses a picture gets text from then on. With `alternates`
    passages stand in the user's next message, for models that want roles to alternate. If the
    memory fails, the agent goes on without it; with `on_error="raise"` the error is raised.

    Raises `InputError`, which is a ValueError, for a size or a word that is none.
    """

    state_schema = OpticalMemoryState
    trace_policy = TracePolicy(process_inputs=omit_payload)

    def __init__(
        self,
        model: str | BaseChatModel | None = None,
        *,
        trigger: TriggerSpec | None = None,
        keep: ContextSize = ("messages", 20),
        token_counter: TokenCounter = count_message_tokens,
        budget: int | None = None,
        memory: OpticalMemory | None = None,
        redis_url: str | None = None,
        redis_client: Any = None,
        ttl: int | None = None,
        key_prefix: str = "optical",
        mode: ViewMode = "auto",
        renderer: PassageRenderer | None = None,
        session_id: SessionName | None = None,
        recall_tool: bool = True,
        prune_state: bool = False,
        alternates: bool = False,
        on_error: OnError = "passthrough",
    ) -> None:
        super().__init__()
        require_word("mode", mode, get_args(ViewMode))
        require_word("on_error", on_error, get_args(OnError))
        if trigger is None and budget is None and memory is not None:
            budget = memory.budget
        if session_id is None and memory is not None and memory.session != "default":
            session_id = memory.session
        self.presenter = Presenter(mode, renderer, alternates)
        self.prune_state = prune_state
        self.on_error: OnError = on_error
        self.bill = Bill()
        self._billing = threading.Lock()
        self._model = model
        open_memory = open_memories(memory, redis_url, redis_client, ttl, key_prefix)
        self._sessions = Sessions(open_memory, session_id)
        self._tool = conversation_tool(self._memory_of) if recall_tool else None
        self.tools = [] if self._tool is None else [self._tool]
        self._maker = ViewMaker(
            self._sessions,
            FactBook(token_counter),
            Sizes(Trigger.of(trigger, budget), Keep.of(keep), prunes=prune_state),
            own_tools=self.tools,
            raises=on_error == "raise",
        )

    def close(self) -> None:
        """Close the memories that the middleware opened; a memory that was given stays open."""
        self._sessions.close()

    # ---- the hooks -------------------------------------------------------------------------------

    def wrap_model_call(
        self, request: Request, handler: Callable[[Request], ModelResponse[Any]]
    ) -> Response:
        """Call the model with the view of the request."""
        view = self._view(request)
        try:
            response = handler(self._shown(request, view))
        except Exception as error:
            again = self._smaller_view(request, view, error)
            if again is None:
                raise
            view = again
            response = handler(self._shown(request, view))
        return self._finish(request, view, response)

    async def awrap_model_call(
        self, request: Request, handler: Callable[[Request], Awaitable[ModelResponse[Any]]]
    ) -> Response:
        """The same; everything of ours runs on a thread, so that the event loop goes on."""
        view = await asyncio.to_thread(self._view, request)
        try:
            response = await handler(self._shown(request, view))
        except Exception as error:
            again = await asyncio.to_thread(self._smaller_view, request, view, error)
            if again is None:
                raise
            view = again
            response = await handler(self._shown(request, view))
        return await asyncio.to_thread(self._finish, request, view, response)

    # ---- views -----------------------------------------------------------------------------------

    def _view(self, request: Request, **settings: Any) -> View | None:
        """The view of the request; None if none can be made, so that all messages are shown."""
        try:
            with turn_time(TURN_SECONDS):
                return self._maker.view(
                    self._measured(request), self.presenter.presentation(request.model), **settings
                )
        except Exception as error:
            if self.on_error == "raise":
                raise
            emit(VIEW_FAILED, error=error)
            return None

    def _smaller_view(self, request: Request, view: View | None, error: Exception) -> View | None:
        """The view to try once more after a refusal; None if another try would not help."""
        if view is not None and view.has_pictures and is_picture_refusal(error):
            self.presenter.refuse(request.model)
            return self._view(request, record=view.record)
        if is_overflow(error):
            n_tokens = 0 if view is None else view.n_tokens
            limit = int(OVERFLOW_SHARE * n_tokens) or None
            return self._view(request, limit=limit, forces=True)
        return None

    def _measured(self, request: Request) -> Request:
        """The request as it is measured: with the model whose window counts, and our tool."""
        model = self._model if isinstance(self._model, BaseChatModel) else request.model
        return request.override(tools=self._tools(request, has_use=True), model=model)

    def _tools(self, request: Request, *, has_use: bool) -> list[Any]:
        """The tools of the request, without ours if it has no use or the model calls none."""
        if has_use and can_call_tools(request.model):
            return list(request.tools)
        return [tool for tool in request.tools if tool is not self._tool]

    def _shown(self, request: Request, view: View | None) -> Request:
        """The request with the view's messages, and with the recall tool if it has any use."""
        has_use = view is not None and has_archive(view.record)
        tools = self._tools(request, has_use=has_use)
        if view is None:
            return request.override(tools=tools)
        return request.override(messages=view.messages, tools=tools)

    # ---- after the call --------------------------------------------------------------------------

    def _finish(
        self, request: Request, view: View | None, response: ModelResponse[Any]
    ) -> Response:
        """The response with the change of the private state, if there is one."""
        if view is None:
            return response
        self._charge(view, response)
        update = dict(view.changes)
        removals = self._removals(request, view)
        if removals:
            update["messages"] = removals
        if not update:
            return response
        return ExtendedModelResponse(model_response=response, command=Command(update=update))

    def _removals(self, request: Request, view: View) -> list[RemoveMessage]:
        """Removals of the messages that are remembered and not shown, if the state is pruned."""
        if not self.prune_state or not view.is_remembered:
            return []
        shown_ids = {message.id for message in view.messages}
        archived = request.messages[: view.n_archived]
        ids = [message.id for message in archived if message.id not in shown_ids]
        return [RemoveMessage(id=id) for id in ids if id is not None]

    def _charge(self, view: View, response: Any) -> None:
        """Add the request to the bills, and tell it in the log."""
        bill = Bill(1, view.n_tokens, view.n_history_tokens, *_usage(response))
        with self._billing:
            self.bill += bill
        emit(REQUEST_BILLED, bill=str(bill), **asdict(bill))
        if view.is_remembered:
            self._sessions.conversation(view.record["session"]).memory.add_bill(bill)

    def _memory_of(self, runtime: Any) -> OpticalMemory:
        """The memory of the conversation in which a tool runs."""
        record = self._sessions.record(record_of(runtime.state), runtime.state, runtime, [])
        return self._sessions.conversation(record["session"]).memory


def _usage(response: Any) -> tuple[int, int, int]:
    """The provider's counts: its whole input, and of that what its cache gave and took."""
    n_input = n_read = n_written = 0
    for message in getattr(response, "result", [response]):
        usage = getattr(message, "usage_metadata", None) or {}
        details = usage.get("input_token_details") or {}
        n_input += usage.get("input_tokens") or 0
        n_read += details.get("cache_read") or 0
        n_written += details.get("cache_creation") or 0
    return n_input, n_read, n_written
