"""Recent turns as parts of a window: the newest that fit, each at the exact cost of its message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain

from optical_memory.counting import LineCounter, count_tokens, count_up_to
from optical_memory.errors import BudgetTooSmall
from optical_memory.recall.window.groups import group_calls
from optical_memory.recall.window.messages import quoting_call, turn_texts, window_texts
from optical_memory.recall.window.parts import TextPart
from optical_memory.turns import ToolCall, Turn, body

__all__ = [
    "newest_parts",
]

Group = Sequence[Turn]
"""A turn, or a turn with tool calls and the turns that answer them."""


def newest_parts(turns: Sequence[Turn], budget: int, share: float = 1.0) -> list[TextPart]:
    """The last exchange, and before it the newest turns that fit, in order.

    The last exchange is the last user turn, and the newest turn if there is room for both. A tool
    call and its results are there together or not at all. The messages of all parts cost at most
    `budget` tokens. Turns before the last exchange take at most `share` (0..1) of the tokens that
    it leaves. Turns without words or calls are left out. Only turns that may fit are counted.

    Raises `BudgetTooSmall` if the last user turn alone does not fit.
    """
    groups = [[turns[i] for i in group] for group in group_calls([[turn] for turn in turns])]
    groups = [group for group in groups if any(map(_has_content, group))]
    new_days = _new_days(groups)
    parts = _exchange(groups, budget)
    exchange = frozenset(parts)
    budget_left = int(share * (budget - _sum(chain.from_iterable(parts.values()))))
    for i in reversed(range(len(groups))):
        if i in exchange:
            continue
        group = _priced(_parts(groups[i]), budget_left, tells_time=i in new_days)
        budget_left -= _sum(group)
        if budget_left < 0:
            break
        parts[i] = group
    return _within(parts, exchange, budget)


def _has_content(turn: Turn) -> bool:
    return bool(turn.text.strip() or turn.tool_calls or turn.attachments)


def _new_days(groups: Sequence[Group]) -> set[int]:
    """Positions of the user's turns that stand on another day than the user's turn before."""
    positions: set[int] = set()
    last_day: date | None = None
    for i, (turn, *_) in enumerate(groups):
        if turn.role == "user" and turn.when is not None and turn.when.date() != last_day:
            last_day = turn.when.date()
            positions.add(i)
    return positions


def _exchange(groups: Sequence[Group], budget: int) -> dict[int, list[TextPart]]:
    """By position: the last user turn, and the newest group if it fits beside that turn."""
    parts: dict[int, list[TextPart]] = {}
    budget_left = budget
    positions = [i for i, group in enumerate(groups) if group[0].role == "user"]
    if positions:
        parts[positions[-1]] = _priced(_parts(groups[positions[-1]]), None, tells_time=True)
        budget_left -= _sum(parts[positions[-1]])
        if budget_left < 0:
            n_tokens = budget - budget_left
            raise BudgetTooSmall(
                f"the last user turn needs {n_tokens} tokens, but the budget is {budget}"
            )
    newest = len(groups) - 1
    if groups and newest not in parts:
        group = _priced(_parts(groups[newest]), budget_left, tells_time=False)
        if _sum(group) <= budget_left:
            parts[newest] = group
    return parts


def _within(
    parts: Mapping[int, list[TextPart]], exchange: Collection[int], budget: int
) -> list[TextPart]:
    """The parts in order, but for the oldest by which their messages would cost too much.

    Messages cost a little more than their turns: a time at the head, labels and line breaks of
    turns that share a message. The groups in `exchange` go last, and the newest of them first.
    """
    counter = LineCounter()
    by_age = [*sorted(set(parts).difference(exchange)), *sorted(exchange, reverse=True)]
    for n_left_out in range(len(by_age) + 1):
        positions = sorted(by_age[n_left_out:])
        in_order = list(chain.from_iterable(parts[i] for i in positions))
        if counter.count(window_texts([], in_order)) <= budget:
            return in_order
    return []


def _parts(group: Group) -> list[TextPart]:
    """A part for each turn of a group, without its cost.

    Hosts reject a call and a result that do not name each other by id, and a second result of a
    call. Such a call becomes words. Such a result gets a call of ours: words of a tool never become
    the user's or the assistant's, who have more authority. These results come after the others:
    hosts want the results right behind the calls.
    """
    first, *results = group
    if first.role == "tool":
        return list(chain.from_iterable(map(_quoted_result, group)))
    answers = _answers(first.tool_calls, results)
    quoted = [turn for turn in results if answers.get(turn.tool_call_id) is not turn]
    return [
        _call_part(first, answers, is_answered=bool(quoted)),
        *(_part(turn, _content(turn)) for turn in answers.values()),
        *chain.from_iterable(map(_quoted_result, quoted)),
    ]


def _answers(calls: Sequence[ToolCall], results: Sequence[Turn]) -> dict[str | None, Turn]:
    """By id: the first result of each call that has an id for itself."""
    counts = Counter(call.id for call in calls)
    answers: dict[str | None, Turn] = {}
    for turn in results:
        id = turn.tool_call_id
        if id is not None and counts[id] == 1 and id not in answers:
            answers[id] = turn
    return answers


def _call_part(turn: Turn, pair_ids: Collection[str | None], *, is_answered: bool) -> TextPart:
    """The part of a turn; only calls whose id is in `pair_ids` stay calls, the others become words.

    `is_answered`: a result without a pair follows, which may answer a call without a pair.
    """
    lone_calls = [call for call in turn.tool_calls if call.id not in pair_ids]
    lines = [_content(turn), *(_call_in_words(call, is_answered) for call in lone_calls)]
    calls = tuple(call for call in turn.tool_calls if call.id in pair_ids)
    return replace(_part(turn, "\n".join(filter(None, lines))), tool_calls=calls)


def _quoted_result(turn: Turn) -> tuple[TextPart, TextPart]:
    """A call of ours, and the result as its answer."""
    call = quoting_call(turn.name, turn.id)
    call_part = TextPart(role="assistant", text="", turn=turn.id, n_tokens=0, tool_calls=(call,))
    return call_part, replace(_part(turn, _content(turn)), tool_call_id=call.id)


def _part(turn: Turn, text: str) -> TextPart:
    return TextPart(
        role=turn.role,
        text=text,
        turn=turn.id,
        n_tokens=0,
        name=turn.name,
        tool_call_id=turn.tool_call_id,
        when=turn.when,
    )


def _content(turn: Turn) -> str:
    """The turn's body without its calls, which have a place of their own in a message."""
    return body(replace(turn, tool_calls=()))


def _call_in_words(call: ToolCall, is_answered: bool) -> str:
    outcome = "" if is_answered else ", no result yet"
    return f"[called {call.name}({call.arguments}){outcome}]"


def _priced(parts: Sequence[TextPart], limit: int | None, *, tells_time: bool) -> list[TextPart]:
    """The parts, each with the cost of its message, or some cost above `limit` if it is above."""
    return [
        replace(part, n_tokens=sum(_count(text, limit) for text in turn_texts(part, tells_time)))
        for part in parts
    ]


def _count(text: str, limit: int | None) -> int:
    return count_tokens(text) if limit is None else count_up_to(text, max(0, limit))


def _sum(parts: Iterable[TextPart]) -> int:
    return sum(part.n_tokens for part in parts)
