"""What goes into an agent's window: recent turns and recalled pages, in order, at an exact cost
within a budget.

The cost of a text is its DeepSeek tokens, of a picture what the provider bills, of visual tokens
what the decoder receives. What a chat template puts around a message is the host's and is not
counted.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from optical_memory.counting import count_batch, count_tokens, image_tokens
from optical_memory.errors import BudgetTooSmall
from optical_memory.recall.recollection import Recollection
from optical_memory.tokens import VisualTokens
from optical_memory.turns import Role, ToolCall, Turn

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

__all__ = ["HEADING", "Context", "Mode", "PagePart", "Picture", "TextPart", "assemble"]

Mode = Literal["text", "image", "tokens"]

HEADING = "Recalled from earlier in this conversation:\n\n"
"""The first line of the message that carries recalled pages; counted like the rest."""

_RETRY_CHARS = (
    2_000,
    800,
    300,
)  # excerpts to try when a page does not fit whole, the longest first


@dataclass(frozen=True, slots=True)
class TextPart:
    """A recent turn, word for word: one message. `turn` is its id, `n_tokens` its cost with its tool
    calls.
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
        message: dict[str, Any] = {"role": self.role, "content": self.text}
        if self.name:
            message["name"] = self.name
        if self.tool_calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in self.tool_calls
            ]
        return message | ({"tool_call_id": self.tool_call_id} if self.tool_call_id else {})


@dataclass(frozen=True, slots=True)
class Picture:
    """A page for a model that looks: its PNG of `side_px` x `side_px`, or its visual tokens.

    `n_tokens` are what a decoder of ours receives of it.
    """

    side_px: int
    png: bytes | None = None
    visual: VisualTokens | None = None
    n_tokens: int = 0


@dataclass(frozen=True, slots=True)
class PagePart:
    """A recalled page: `text` begins with its provenance and is the page as read (or an excerpt),
    or, beside a `picture`, its exact facts. `n_tokens` is the cost of both.
    """

    page: str
    ordinal: int
    rung: str | None
    text: str
    n_tokens: int
    turns: tuple[str, ...] = ()
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """Recalled pages, then recent turns, each in the order in which they happened; `n_tokens` <=
    `budget`.
    """

    parts: tuple[TextPart | PagePart, ...]
    n_tokens: int
    budget: int
    mode: Mode = "text"

    def to_messages(self) -> list[dict[str, Any]]:
        """OpenAI-style messages: the pages as one user message at the head, then one message a
        turn.

        Raises `ValueError` in mode "tokens": visual tokens have no form in a chat message, take
        them from `parts`.
        """
        pages = [part for part in self.parts if isinstance(part, PagePart)]
        if any(page.picture is not None and page.picture.png is None for page in pages):
            raise ValueError(
                "visual tokens have no form in a chat message: use `context.parts` or mode 'image'"
            )
        head = [{"role": "user", "content": _content(pages)}] if pages else []
        return head + [part.to_message() for part in self.parts if isinstance(part, TextPart)]

    def to_langchain(self) -> list[BaseMessage]:
        """The same as LangChain messages. Raises like `to_messages`."""
        from langchain_core.messages import convert_to_messages

        return convert_to_messages(self.to_messages())


def _content(pages: Sequence[PagePart]) -> str | list[dict[str, Any]]:
    """One string, or, where a page is a picture, a list of text and image parts."""
    if all(page.picture is None for page in pages):
        return HEADING + "".join(page.text for page in pages)
    content: list[dict[str, Any]] = [{"type": "text", "text": HEADING}]
    for page in pages:
        content.append({"type": "text", "text": page.text})
        if page.picture is not None and page.picture.png is not None:
            url = "data:image/png;base64," + base64.b64encode(page.picture.png).decode()
            content.append({"type": "image_url", "image_url": {"url": url}})
    return content


def assemble(
    recent: Sequence[Turn],
    recalled: Sequence[Recollection],
    budget: int,
    *,
    mode: Mode = "text",
    query: str | None = None,
    pictures: Mapping[str, Picture] | None = None,
    provider: str = "openai",
) -> Context:
    """Fill `budget` tokens: the last user turn, then recent turns from the newest back, then pages
    by score.

    `recent` is in order. Turns are taken until one does not fit, a tool call and its results
    together or not at all. A page that does not fit whole gives an excerpt about the `query`; one
    whose turns are all taken as text is left out. In modes "image" and "tokens" a page in
    `pictures` goes as its picture with its exact facts as text beside it.

    Raises `BudgetTooSmall` when the last user turn alone does not fit.
    """
    groups = _groups(recent)
    turns = _newest([_parts(group) for group in groups], budget)
    left = budget - sum(part.n_tokens for part in turns)
    taken = {part.turn for part in turns}
    unseen = [found for found in recalled if not found.turns or not taken.issuperset(found.turns)]
    pages = _best(unseen, left, mode, query, pictures or {}, provider)
    heading = count_tokens(HEADING) if pages else 0
    return Context(
        (*pages, *turns), budget - left + heading + sum(page.n_tokens for page in pages), budget, mode
    )


def _groups(turns: Sequence[Turn]) -> list[list[Turn]]:
    """Turns that only make sense together: a turn that calls tools and the results that follow it."""
    groups: list[list[Turn]] = []
    for turn in turns:
        calls = {call.id for call in groups[-1][0].tool_calls} if groups else set()
        if turn.role == "tool" and turn.tool_call_id is not None and turn.tool_call_id in calls:
            groups[-1].append(turn)
        else:
            groups.append([turn])
    return groups


def _parts(group: list[Turn]) -> list[TextPart]:
    """One part a turn. A call without its result, or the reverse, is told in words: hosts reject
    either.
    """
    first, *results = group
    answered = {turn.tool_call_id for turn in results}
    calls = tuple(call for call in first.tool_calls if call.id in answered)
    lost = [
        f"[called {call.name}({call.arguments}), no result yet]"
        for call in first.tool_calls
        if call not in calls
    ]
    told = "\n".join(filter(None, [_told(first), *lost]))
    if first.role == "tool":
        return [_part("user", f"[result of {first.name or 'a tool'}] {told}", first)]
    answers = [_part("tool", _told(turn), turn, (), turn.tool_call_id) for turn in results]
    return [_part(first.role, told, first, calls), *answers]


def _told(turn: Turn) -> str:
    marks = [f"[{a.kind}: {a.caption or ''} ({a.ref})]" for a in turn.attachments]
    return "\n".join(filter(None, [turn.text, *marks]))


def _part(
    role: Role, text: str, turn: Turn, calls: tuple[ToolCall, ...] = (), call_id: str | None = None
) -> TextPart:
    said = [
        text,
        turn.name or "",
        *(call.name for call in calls),
        *(call.arguments for call in calls),
    ]
    return TextPart(
        role, text, turn.id, sum(count_batch(said)), "original", turn.name, calls, call_id
    )


def _newest(groups: list[list[TextPart]], budget: int) -> list[TextPart]:
    """The last user turn, and from the newest group back as many as fit beside it."""
    costs = [sum(part.n_tokens for part in group) for group in groups]
    asked = [i for i, group in enumerate(groups) if group[0].role == "user"]
    kept = {asked[-1]} if asked else set()
    left = budget - sum(costs[i] for i in kept)
    if left < 0:
        raise BudgetTooSmall(
            f"the last user turn needs {budget - left} tokens, but the budget is {budget}"
        )
    for i in reversed(range(len(groups))):
        if i in kept:
            continue
        if costs[i] > left:
            break
        kept.add(i)
        left -= costs[i]
    return [part for i in sorted(kept) for part in groups[i]]


def _best(
    recalled: Sequence[Recollection],
    left: int,
    mode: Mode,
    query: str | None,
    pictures: Mapping[str, Picture],
    provider: str,
) -> list[PagePart]:
    """Pages by score while they fit, given back in order of age."""
    left -= count_tokens(HEADING)
    pages: list[PagePart] = []
    for found in sorted(recalled, key=lambda r: (-r.score, -r.ordinal, r.page)):
        picture = pictures.get(found.page) if mode != "text" else None
        forms = [_seen(found, picture, mode, provider)] if picture else _read(found, query)
        if page := next((form for form in forms if form.n_tokens <= left), None):
            pages.append(page)
            left -= page.n_tokens
    return sorted(pages, key=lambda page: (page.ordinal, page.page))


def _seen(found: Recollection, picture: Picture, mode: Mode, provider: str) -> PagePart:
    """A page as its picture. What may not be misread stands beside it as text."""
    facts = " · ".join(found.text[s.start : s.end] for s in found.spans if s.status == "original")
    text = f"{found.provenance}{' Exact: ' + facts if facts else ''}\n\n"
    price = image_tokens(picture.side_px, provider) if mode == "image" else picture.n_tokens
    return _page(found, text, price, picture)


def _read(found: Recollection, query: str | None) -> list[PagePart]:
    """A page as text: whole, or else ever shorter excerpts."""
    bodies = [found.marked()]
    bodies += [
        found.excerpt(query, chars) for chars in _RETRY_CHARS if query and chars < len(found.text)
    ]
    return [_page(found, f"{found.provenance}\n{body}\n\n", 0, None) for body in bodies]


def _page(found: Recollection, text: str, price: int, picture: Picture | None) -> PagePart:
    return PagePart(
        found.page,
        found.ordinal,
        found.rung,
        text,
        count_tokens(text) + price,
        found.turns,
        picture,
    )
