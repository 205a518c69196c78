"""Recent turns as parts of a window: the newest that fit, each at the exact cost of its message."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import chain, islice

from optical_memory.counting import count_batch
from optical_memory.errors import BudgetTooSmall
from optical_memory.recall.context import TextPart
from optical_memory.recall.groups import group_calls
from optical_memory.recall.newest import newest_that_fit
from optical_memory.turns import ToolCall, Turn, body

__all__ = [
    "newest_parts",
]

Group = Sequence[Turn]
"""A turn, or a turn with tool calls and the turns that answer them."""


def newest_parts(turns: Sequence[Turn], budget: int, share: float = 1.0) -> list[TextPart]:
    """The last exchange, and before it the newest turns that fit, in order.

    The last exchange is the last user turn, and the newest turn if there is room for both. A tool
    call and its results are there together or not at all. All parts cost at most `budget` tokens.
    Turns before the last exchange take at most `share` (0..1) of the tokens that it leaves.

    Raises `BudgetTooSmall` if the last user turn alone does not fit.
    """
    groups = [[turns[i] for i in group] for group in group_calls([[turn] for turn in turns])]
    parts = _priced([_parts(group) for group in groups])
    costs = [sum(part.n_tokens for part in group) for group in parts]
    exchange = _last_exchange(groups, costs, budget)
    budget_left = budget - sum(costs[i] for i in exchange)
    positions = newest_that_fit(costs, int(share * budget_left), exchange)
    return list(chain.from_iterable(parts[i] for i in positions))


def _last_exchange(groups: Sequence[Group], costs: Sequence[int], budget: int) -> list[int]:
    """Positions of the last user turn, and of the newest group if it fits beside that turn."""
    positions = [i for i, group in enumerate(groups) if group[0].role == "user"][-1:]
    n_tokens = sum(costs[i] for i in positions)
    if n_tokens > budget:
        raise BudgetTooSmall(
            f"the last user turn needs {n_tokens} tokens, but the budget is {budget}"
        )
    newest = len(groups) - 1
    if groups and newest not in positions and n_tokens + costs[newest] <= budget:
        positions.append(newest)
    return positions


def _parts(group: Group) -> list[TextPart]:
    """A part for each turn of a group, without its cost.

    Hosts reject a call and a result that do not name each other by id. Such a call or result
    becomes words.
    """
    results = group[1:]
    pair_ids = {call.id for call in group[0].tool_calls if call.id is not None}
    pair_ids.intersection_update(turn.tool_call_id for turn in results)
    is_answered = any(turn.tool_call_id not in pair_ids for turn in results)
    return [_part(turn, pair_ids, is_answered) for turn in group]


def _part(turn: Turn, pair_ids: Collection[str], is_answered: bool) -> TextPart:
    """The part of a turn; only calls whose id is in `pair_ids` stay calls, the others become words.

    `is_answered`: a result without a pair follows, which may answer a call without a pair.
    """
    calls = tuple(call for call in turn.tool_calls if call.id in pair_ids)
    lone_calls = [call for call in turn.tool_calls if call.id not in pair_ids]
    lines = [_content(turn), *(_call_in_words(call, is_answered) for call in lone_calls)]
    text = "\n".join(filter(None, lines))
    role = turn.role
    if role == "tool" and turn.tool_call_id not in pair_ids:
        role = "user"
        text = f"[result of {turn.name or 'a tool'}] {text}"
    return TextPart(
        role=role,
        text=text,
        turn=turn.id,
        n_tokens=0,
        name=turn.name,
        tool_calls=calls,
        tool_call_id=turn.tool_call_id if role == "tool" else None,
    )


def _content(turn: Turn) -> str:
    """The turn's body without its calls, which have a place of their own in a message."""
    return body(replace(turn, tool_calls=()))


def _call_in_words(call: ToolCall, is_answered: bool) -> str:
    outcome = "" if is_answered else ", no result yet"
    return f"[called {call.name}({call.arguments}){outcome}]"


def _priced(groups: Sequence[Sequence[TextPart]]) -> list[list[TextPart]]:
    """The parts with their costs. All are counted in one call, which is faster than many."""
    texts = [_texts(part) for part in chain.from_iterable(groups)]
    counts = iter(count_batch(chain.from_iterable(texts)))
    costs = iter([sum(islice(counts, len(part))) for part in texts])
    return [[replace(part, n_tokens=next(costs)) for part in group] for group in groups]


def _texts(part: TextPart) -> list[str]:
    """Everything of a part that costs tokens."""
    calls = chain.from_iterable((call.name, call.arguments) for call in part.tool_calls)
    return [part.text, part.name or "", *calls]
