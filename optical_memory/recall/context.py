"""`Context`: the content of an agent's window, as a value, and in the form of chat messages."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from optical_memory.errors import InputError
from optical_memory.tokens import VisualTokens
from optical_memory.turns import Role, ToolCall

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

__all__ = [
    "HEADING",
    "Context",
    "Mode",
    "PagePart",
    "PagePicture",
    "TextPart",
]

Mode = Literal["text", "image", "tokens"]

HEADING = "Recalled from earlier in this conversation:\n\n"
"""The first line of the message that carries recalled pages; counted like the rest."""


@dataclass(frozen=True, slots=True)
class TextPart:
    """A recent turn, word for word: one message.

    `turn` is its id, None for the end of a turn whose beginning stands on a page. `n_tokens` is the
    cost of its text, its name and its tool calls.
    """

    role: Role
    text: str
    turn: str | None
    n_tokens: int
    status: Literal["original"] = "original"
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None

    def to_message(self) -> dict[str, Any]:
        """The part as an OpenAI-style message."""
        message: dict[str, Any] = {"role": self.role, "content": self.text}
        if self.name:
            message["name"] = self.name
        if self.tool_calls:
            message["tool_calls"] = [_call_message(call) for call in self.tool_calls]
        if self.tool_call_id:
            message["tool_call_id"] = self.tool_call_id
        return message


def _call_message(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A page for a model that sees: its PNG of `side_px` x `side_px`, or its visual tokens.

    `n_tokens` is the number of visual tokens that the reader's decoder receives for the page.
    """

    side_px: int
    png: bytes | None = None
    visual: VisualTokens | None = None
    n_tokens: int = 0


@dataclass(frozen=True, slots=True)
class PagePart:
    """A recalled page.

    `text` begins with its provenance. Then comes the page as read, or an excerpt of it; beside a
    `picture` come its exact facts only. `n_tokens` is the cost of text and picture.
    """

    page: str
    ordinal: int
    rung: str | None
    text: str
    n_tokens: int
    turns: tuple[str, ...] = ()
    picture: PagePicture | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """Recalled pages, then recent turns, each in the order in which they happened.

    `n_tokens` is the exact cost of all parts and the heading; it is never above `budget`.
    """

    parts: tuple[TextPart | PagePart, ...]
    n_tokens: int
    budget: int
    mode: Mode = "text"

    def to_messages(self) -> list[dict[str, Any]]:
        """OpenAI-style messages: first all pages as one user message, then a message for each turn.

        >>> Context((TextPart("user", "hello", "t1", 1),), n_tokens=1, budget=9).to_messages()
        [{'role': 'user', 'content': 'hello'}]

        Raises `InputError` in mode "tokens": a chat message cannot carry visual tokens, so take
        them from `parts`.
        """
        pages = [part for part in self.parts if isinstance(part, PagePart)]
        if any(page.picture is not None and page.picture.png is None for page in pages):
            raise InputError(
                "visual tokens have no form in a chat message: use `context.parts` or mode 'image'"
            )
        messages: list[dict[str, Any]] = []
        if pages:
            messages.append({"role": "user", "content": _content(pages)})
        turns = [part for part in self.parts if isinstance(part, TextPart)]
        return [*messages, *(turn.to_message() for turn in turns)]

    def to_langchain(self) -> list[BaseMessage]:
        """The same as LangChain messages. Raises like `to_messages`."""
        from langchain_core.messages import convert_to_messages

        return convert_to_messages(self.to_messages())


def _content(pages: Sequence[PagePart]) -> str | list[dict[str, Any]]:
    """The content of the message with all pages.

    It is a string; if a page is a picture, it is a list of text parts and image parts.
    """
    if all(page.picture is None for page in pages):
        return HEADING + "".join(page.text for page in pages)
    content: list[dict[str, Any]] = [{"type": "text", "text": HEADING}]
    for page in pages:
        content.append({"type": "text", "text": page.text})
        if page.picture is not None and page.picture.png is not None:
            url = "data:image/png;base64," + base64.b64encode(page.picture.png).decode()
            content.append({"type": "image_url", "image_url": {"url": url}})
    return content
