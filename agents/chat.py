"""Messages in, fewer messages out: a memory for plain chatbots in one function, without any setup.

Works on message lists of OpenAI and Anthropic. Messages that stay come back as the very dicts that
came in. Nothing is stored and nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, takewhile

from optical_memory.agents.message_groups import (
    GroupCosts,
    Message,
    group_messages,
    question_group,
    words_of_user,
)
from optical_memory.agents.older_turns import OlderTurns
from optical_memory.agents.recalled_message import SEAM_TOKENS, with_frame
from optical_memory.counting import count_tokens
from optical_memory.errors import BudgetTooSmall, require_number
from optical_memory.readers.base import Reader
from optical_memory.recall.window.newest import RECENT_SHARE
from optical_memory.redaction.redact import Redact, Redaction, names_of_process, open_redaction
from optical_memory.turns import Turn

__all__ = [
    "compress",
]

RUN_SHARE = 0.5
"""Share of the room for the newest rounds of an agent, if its rounds since the question do not fit.

Half is for its older rounds, which are recalled.
"""


def compress(
    messages: Sequence[Message],
    budget: int,
    *,
    reader: str | Reader = "pocket",
    query: str | None = None,
    redact: Redact = None,
) -> list[Message]:
    """The messages within `budget` tokens: old messages become passages about `query`.

    >>> compress([{"role": "user", "content": "hello"}], budget=100)
    [{'role': 'user', 'content': 'hello'}]

    System messages, the last user message and the newest messages come back as the dicts that came
    in. What older messages say about `query` stands before them in a user message; if a user
    message follows, both are a single message. `query` is the last user message by default. An
    agent's rounds after its question are messages like others: if they do not fit, the newest stay,
    and the older are recalled. A tool call stays with its results.

    Tokens are DeepSeek's; a picture costs the price of OpenAI for 1024 px. The words of a chat
    template are not counted. `reader` has no effect: no page is drawn. `redact` as in
    `OpticalMemory`: the passages have what it keeps, and messages that stay are as they came in.

    Raises `BudgetTooSmall` if system messages, the last user message and the newest message alone
    do not fit. Raises `InputError` if `messages` is not a list of messages.
    """
    require_number("budget", budget, minimum=0)
    window = _Window(messages, budget, open_redaction(redact, names_of_process))
    if window.fits():
        return list(messages)
    window.take_newest()
    window.recall(query)
    return window.messages()


class _Window:
    """The messages of a host, and those of them that stay."""

    def __init__(self, messages: Sequence[Message], budget: int, redaction: Redaction) -> None:
        self._redaction = redaction
        self._messages = messages
        self._budget = budget
        self._groups = group_messages(messages)
        self._costs = GroupCosts(self._groups, budget)
        self._question = question_group(self._groups)
        self._must_stay: list[int] = []
        self._stays: set[int] = set()
        self._frame = ""

    def fits(self) -> bool:
        """True if all messages fit the budget."""
        return self._costs.total(reversed(range(len(self._groups)))) <= self._budget

    def _needed_groups(self) -> list[int]:
        """System messages, the question and the newest group; with them all after the question, if
        that fits.
        """
        n_groups = len(self._groups)
        systems = [i for i, group in enumerate(self._groups) if group.is_system]
        run = sorted({*systems, *range(self._question, n_groups)})
        if self._costs.total(run) <= self._budget:
            return run
        return sorted({*systems, self._question, n_groups - 1})

    def take_newest(self) -> None:
        """Let the newest groups stay that fit their share.

        Raises `BudgetTooSmall` if the groups that must stay do not fit.
        """
        self._must_stay = self._needed_groups()
        self._stays = set(self._must_stay)
        n_tokens = self._costs.total(self._must_stay)
        if n_tokens > self._budget:
            raise BudgetTooSmall(
                f"system messages and the last turns need {n_tokens} tokens "
                f"of a budget of {self._budget}"
            )
        is_run = not self._stays.issuperset(range(self._question, len(self._groups)))
        share = RUN_SHARE if is_run else RECENT_SHARE
        room = int(share * (self._budget - n_tokens))
        self._stays = self._costs.with_newest(self._stays, room)

    def _budget_left(self) -> int:
        return self._budget - sum(self._costs[i] for i in self._stays)

    def recall(self, query: str | None) -> None:
        """Fill the rest of the budget: passages about the query, then more of the newest messages.

        If no message says anything about the query, the newest text fills what is left.
        """
        question = words_of_user(self._groups[self._question]) if query is None else query
        question = self._redaction.query(question)
        older_turns = OlderTurns(self._older_turns())
        choices = older_turns.about(question, self._budget_left()) if question else []
        text = older_turns.frame(choices, self._budget_left(), self._texts())
        room = self._budget_left() - count_tokens(text)
        self._stays = self._costs.with_newest(self._stays, room)
        numbers = self._shown_turns()
        choices = [choice for choice in choices if choice.ordinal not in numbers]
        if not choices:
            choices = older_turns.newest(self._budget_left(), without=numbers)
        budget_left = self._budget_left() - SEAM_TOKENS
        self._frame = older_turns.frame(choices, budget_left, self._texts())

    def _texts(self) -> list[str]:
        """The texts of the turns that stay."""
        turns = chain.from_iterable(self._groups[i].turns.values() for i in self._stays)
        return [turn.text for turn in turns]

    def _older_turns(self) -> dict[int, Turn]:
        """The turns of the groups that do not stay so far, by number."""
        turns: dict[int, Turn] = {}
        for i, group in enumerate(self._groups):
            if i not in self._stays:
                turns.update(group.turns)
        kept_turns = {number: self._redaction.turn(turn) for number, turn in turns.items()}
        return {number: turn for number, turn in kept_turns.items() if turn is not None}

    def _shown_turns(self) -> set[int]:
        numbers: set[int] = set()
        for i in self._stays:
            numbers.update(self._groups[i].turns)
        return numbers

    def messages(self) -> list[Message]:
        """The messages that stay, in order, with the recalled passages after the system messages at
        the head.
        """
        stays = self._stays if self._frame else self._beginning_with_user()
        groups = [self._groups[i] for i in sorted(stays)]
        positions = sorted(chain.from_iterable(group.positions for group in groups))
        head = list(takewhile(self._system_positions().__contains__, positions))
        rest = [self._messages[i] for i in positions[len(head) :]]
        question = self._groups[self._question].positions[0]
        is_run = positions[len(head) :][:1] == [question] and positions[-1] != question
        return [self._messages[i] for i in head] + with_frame(self._frame, rest, joins=not is_run)

    def _system_positions(self) -> set[int]:
        return {group.positions[0] for group in self._groups if group.is_system}

    def _beginning_with_user(self) -> set[int]:
        """The groups that stay, without those before the first user message that may go."""
        stays = sorted(self._stays)
        first_user = next((i for i in stays if self._groups[i].has_user), self._question)
        return {i for i in stays if i >= first_user or i in self._must_stay}
