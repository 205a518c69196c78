"""`Context`: the content of an agent's window, as a value, and in the form of chat messages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from optical_memory.counting import Bill
from optical_memory.errors import InputError
from optical_memory.recall.window.assemble import Window
from optical_memory.recall.window.blocks import BlockForm, block_in
from optical_memory.recall.window.frame import frame_blocks, sheets_of
from optical_memory.recall.window.messages import as_messages
from optical_memory.recall.window.parts import PassagePart, TextPart
from optical_memory.sheets.sheet import Sheet

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

__all__ = [
    "Context",
    "Mode",
]

Mode = Literal["text", "image", "tokens", "auto"]


@dataclass(frozen=True, slots=True)
class Context:
    """Recalled passages, then recent turns, each in the order in which they happened.

    `n_tokens` is the exact cost of `to_messages()`, with the price of pictures; it is never above
    `budget`. `n_history_tokens` is the cost of the whole conversation as text, None if unknown.
    With a `host`, the name of its profile, all of these are tokens of this host. `suspects` are the
    ids of turns that the guard marked or left out.
    """

    parts: tuple[TextPart | PassagePart, ...]
    n_tokens: int
    budget: int
    mode: Mode = "text"
    n_history_tokens: int | None = None
    host: str | None = None
    suspects: frozenset[str] = frozenset()

    @property
    def compression(self) -> float | None:
        """The cost of the whole conversation as text, over the cost of this window.

        None if the cost of the conversation is unknown.
        """
        if self.n_history_tokens is None:
            return None
        return self.n_history_tokens / max(1, self.n_tokens)

    @property
    def n_saved_tokens(self) -> int | None:
        """Tokens by which this window costs less than the whole conversation as text.

        None if the cost of the conversation is unknown.
        """
        return None if self.n_history_tokens is None else self.n_history_tokens - self.n_tokens

    @property
    def bill(self) -> Bill | None:
        """The bill of a request with this window; None if the cost of the history is unknown."""
        if self.n_history_tokens is None:
            return None
        return Bill(1, self.n_tokens, self.n_history_tokens)

    @property
    def passages(self) -> tuple[PassagePart, ...]:
        """The recalled passages, in the order of time."""
        return tuple(part for part in self.parts if isinstance(part, PassagePart))

    @property
    def turns(self) -> tuple[TextPart, ...]:
        """The recent turns, in order."""
        return tuple(part for part in self.parts if isinstance(part, TextPart))

    @property
    def sheets(self) -> tuple[Sheet, ...]:
        """The sheets that passages are drawn on, in order; none if all are text."""
        return tuple(sheets_of(self.passages))

    def as_text(self, budget: int | None = None) -> Context:
        """The same passages as text, for a host that refused the sheets or failed on them.

        Text costs more: the passages that fit no more are left out, the worst first. Costs are
        counted in our own tokens.
        """
        limit = self.budget if budget is None else budget
        passages = [part.passage for part in self.passages]
        parts, n_tokens = Window(self.turns).best(passages, limit)
        return Context((*parts, *self.turns), n_tokens, limit)

    def content_blocks(self, form: BlockForm = "openai") -> list[dict[str, Any]]:
        """The passages alone, as the blocks of a message of the user: texts, sheets, pictures.

        `form` is that of OpenAI's chat messages, of Anthropic's, or of LangChain (v1). Raises like
        `to_messages`.
        """
        self._require_pictures()
        blocks = frame_blocks(self.passages, [part.text for part in self.turns])
        return [block_in(form, block) for block in blocks if block]

    def to_messages(self) -> list[dict[str, Any]]:
        """OpenAI-style messages: passages in a message of the user, and a message for each turn.

        >>> Context((TextPart("user", "hello", "t1", 1),), n_tokens=1, budget=9).to_messages()
        [{'role': 'user', 'content': 'hello'}]

        Messages of a role that would follow each other are one message, so the passages stand at
        the head of the user's first message. Turns without words make no message.

        Raises `InputError` in mode "tokens": a chat message cannot carry visual tokens, so take
        them from `parts`.
        """
        self._require_pictures()
        return as_messages(self.passages, self.turns)

    def _require_pictures(self) -> None:
        if any(part.picture and part.picture.png is None for part in self.passages):
            raise InputError(
                "visual tokens have no form in a chat message: use `context.parts` or mode 'image'"
            )

    def to_langchain(self) -> list[BaseMessage]:
        """The same as LangChain messages, pictures as its own blocks. Raises like `to_messages`."""
        from langchain_core.messages import convert_to_messages

        self._require_pictures()
        messages = as_messages(self.passages, self.turns, form="langchain")
        for message in messages:
            for call in message.get("tool_calls", ()):
                function = call["function"]
                function["arguments"] = _json_object(function["arguments"])
        return convert_to_messages(messages)


def _json_object(arguments: str) -> str:
    """A call's arguments as the JSON object that LangChain reads.

    Blank arguments, of a tool without parameters, are none. A model may write what is no JSON
    object: that stands in an object under "arguments".
    """
    if not arguments.strip():
        return "{}"
    try:
        value = json.loads(arguments, strict=False)
    except (ValueError, RecursionError):
        value = None
    return arguments if isinstance(value, dict) else json.dumps({"arguments": arguments})
