"""Messages of a host in groups that stay together, and the tokens that each group costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain
from typing import Any

from optical_memory.agents.attachment_prices import attachment_tokens
from optical_memory.counting import count_up_to
from optical_memory.errors import InputError
from optical_memory.loaders.messages.envelopes import is_silent
from optical_memory.loaders.messages.turns import message_turns
from optical_memory.recall.window.groups import group_calls
from optical_memory.turns import Turn, body, short_repr

__all__ = [
    "GroupCosts",
    "Message",
    "MessageGroup",
    "group_messages",
    "is_call",
    "question_group",
    "words_of_user",
]

Message = Mapping[str, Any]


@short_repr
@dataclass(frozen=True, slots=True)
class MessageGroup:
    """Messages that stay together: their positions in the list, and the turns in them.

    The turns are by their number; all turns of the list are numbered from 0.
    """

    positions: tuple[int, ...]
    turns: Mapping[int, Turn]

    @property
    def is_system(self) -> bool:
        """True for a system message, which is in a group by itself."""
        return any(turn.role == "system" for turn in self.turns.values())

    @property
    def has_user(self) -> bool:
        """True if a user speaks in it."""
        return any(turn.role == "user" for turn in self.turns.values())

    @property
    def has_tools(self) -> bool:
        """True if it has calls of tools, or results."""
        return any(turn.role == "tool" or turn.tool_calls for turn in self.turns.values())


def group_messages(messages: Sequence[Any]) -> list[MessageGroup]:
    """The messages in groups, by their first position.

    A message with tool calls is in a group with the messages that answer them. System messages
    between them do not part them. Raises `InputError` with the place of a message that cannot be
    read, or if this is no list of messages.
    """
    if not isinstance(messages, Sequence) or isinstance(messages, str | bytes):
        raise InputError(f"a list of messages is needed, not {type(messages).__name__}")
    turns = [message_turns(message, f"messages[{i}]") for i, message in enumerate(messages)]
    first_numbers = [0, *accumulate(map(len, turns))]
    groups: list[MessageGroup] = []
    silent = [is_silent(message) for message in messages]
    talk = [[] if silent[i] else message for i, message in enumerate(turns)]
    for positions in sorted(_positions(talk)):
        group_turns: dict[int, Turn] = {}
        for i in positions:
            group_turns.update(enumerate(turns[i], first_numbers[i]))
        groups.append(MessageGroup(tuple(positions), group_turns))
    return groups


def _positions(turns: Sequence[Sequence[Turn]]) -> list[list[int]]:
    """The positions of the messages of each group.

    A message without turns is in the group of the message after it. So is a model's reasoning,
    whose words are no talk: a host takes it only before the call that it led to.
    """
    systems = [[i] for i, message in enumerate(turns) if _is_system(message)]
    talk = _units(turns)
    units = [list(chain.from_iterable(turns[i] for i in unit)) for unit in talk]
    groups = [list(chain.from_iterable(talk[n] for n in group)) for group in group_calls(units)]
    return [*systems, *_with_silent(groups, turns)]


def _units(turns: Sequence[Sequence[Turn]]) -> list[list[int]]:
    """The positions of messages that are no system's, each alone.

    Calls right after each other, a message for each, were made together, as the Responses API
    writes them: they are a unit.
    """
    units: list[list[int]] = []
    for i, message in enumerate(turns):
        if not message or _is_system(message):
            continue
        if units and all(map(is_call, [*message, *turns[units[-1][-1]]])):
            units[-1].append(i)
        else:
            units.append([i])
    return units


def _is_system(message: Sequence[Turn]) -> bool:
    return bool(message) and all(turn.role == "system" for turn in message)


def is_call(turn: Turn) -> bool:
    """True if a turn is nothing but calls of tools."""
    return bool(turn.tool_calls) and not turn.text


def _with_silent(groups: Sequence[list[int]], turns: Sequence[Sequence[Turn]]) -> list[list[int]]:
    """The groups, each with the messages without turns that stand before one of its own."""
    owners: dict[int, int] = {}
    for n, group in enumerate(groups):
        owners.update(dict.fromkeys(group, n))
    complete = [list(group) for group in groups]
    owner = len(groups) - 1
    for i in reversed(range(len(turns))):
        owner = owners.get(i, owner)
        if not turns[i] and owner >= 0:
            complete[owner].append(i)
    return [sorted(group) for group in complete]


# ---- the question --------------------------------------------------------------------------------


def question_group(groups: Sequence[MessageGroup]) -> int:
    """The position of the group with the last words of the user; of the last group without any.

    Words beside results of tools, which hosts add by themselves, count only if there are no others.
    """
    with_user = [i for i, group in enumerate(groups) if group.has_user]
    without_tools = [i for i in with_user if not groups[i].has_tools]
    return max(without_tools or with_user, default=len(groups) - 1)


def words_of_user(group: MessageGroup) -> str:
    """The words of the user in a group; empty without any."""
    return "\n".join(turn.text for turn in group.turns.values() if turn.role == "user")


# ---- costs ---------------------------------------------------------------------------------------


class GroupCosts:
    """The tokens of each group. A group is counted when its cost is asked for.

    So a list that is far too long costs no more to count than its newest messages. A group that
    costs more than `limit` may be said to cost less than it does, but more than `limit`.
    """

    def __init__(self, groups: Sequence[MessageGroup], limit: int) -> None:
        self._groups = groups
        self._limit = limit
        self._costs: dict[int, int] = {}

    def __getitem__(self, i: int) -> int:
        cost = self._costs.get(i)
        if cost is None:
            cost = sum(_cost(turn, self._limit) for turn in self._groups[i].turns.values())
            self._costs[i] = cost
        return cost

    def total(self, positions: Iterable[int]) -> int:
        """The tokens of these groups; the count stops when it is above the limit."""
        n_tokens = 0
        for i in positions:
            n_tokens += self[i]
            if n_tokens > self._limit:
                break
        return n_tokens

    def with_newest(self, stays: Iterable[int], budget: int) -> set[int]:
        """These groups, and the newest others that fit, back to the first that does not."""
        result = set(stays)
        budget_left = budget
        for i in reversed(range(len(self._groups))):
            if i in result:
                continue
            budget_left -= self[i]
            if budget_left < 0:
                break
            result.add(i)
        return result


def _cost(turn: Turn, limit: int) -> int:
    """Tokens of the words, and the price of the pictures and files, whose URL may be the file."""
    words = body(replace(turn, attachments=())) + (turn.name or "")
    return count_up_to(words, limit) + sum(map(attachment_tokens, turn.attachments))
