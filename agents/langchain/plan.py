"""Planning: which messages a view shows, and when older ones leave it. Pure functions of facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optical_memory.agents.langchain.facts import Facts
from optical_memory.agents.langchain.pairing import first_cut_from
from optical_memory.agents.langchain.shortening import LEAST_CAP, common_limit
from optical_memory.agents.langchain.state import Head, MessageName

__all__ = [
    "HEAD_SHARE",
    "MAX_HEAD_TOKENS",
    "MAX_RECALL_TOKENS",
    "RECALLS_SHARE",
    "RECALL_SHARE",
    "TAIL_SHARE",
    "Cut",
    "Room",
    "choose_cut",
    "head_of",
    "is_edited",
    "position_of",
    "start_of_view",
]

HEAD_SHARE = 0.2
"""Share of a view's room for the passages at its head."""

MAX_HEAD_TOKENS = 8_000
"""The head is no larger than the usual window of a memory, however large the model's is."""

TAIL_SHARE = 0.3
"""Share of the room that may stay word for word at a compaction.

With the head it leaves half of the room, so that many turns pass until the next.
"""

RECALL_SHARE = 0.03
"""Share of the room for passages about a single question."""

MAX_RECALL_TOKENS = 1_000
"""More passages about one question are worth less than they cost."""

RECALLS_SHARE = 0.3
"""Share of the room for the passages of all questions: at least ten turns until a compaction."""

LEAST_ROOM_SHARE = 0.25
"""Share of the limit for messages if the system message and the tools take more than the rest."""

N_BOUNDARY = 8
"""So many of the last archived messages are known by name, if some of them are removed."""


@dataclass(frozen=True, slots=True)
class Room:
    """The tokens that messages may cost: the limit of a view without system message and tools."""

    limit: int
    overhead: int

    @property
    def n_tokens(self) -> int:
        return max(self.limit - self.overhead, int(LEAST_ROOM_SHARE * self.limit))


@dataclass(frozen=True, slots=True)
class Cut:
    """A place to cut: the first message that stays, the question before it, and the cap."""

    start: int
    question: int | None
    cap: int | None


# ---- the boundary --------------------------------------------------------------------------------


def start_of_view(head: Head | None, facts: Sequence[Facts], prefixes: Sequence[str]) -> int | None:
    """The position of the first message after the boundary of a compaction.

    By the digest of all before it, else by the names of the last before it. If these are gone,
    but not the first message of all, the chat was taken back behind the boundary: None. If the
    first is gone too, the list was cut at its front, and all messages are after the boundary.
    """
    if head is None:
        return 0
    if _is_same(head, prefixes):
        return head["n_archived"]
    end = _end_of_boundary(head["boundary"], facts)
    if end is not None:
        return end
    return None if is_edited(head, facts, prefixes) else 0


def _end_of_boundary(boundary: Sequence[MessageName], facts: Sequence[Facts]) -> int | None:
    """The position after the last archived message, by its id or its words; None if it is gone."""
    positions = {facts.id: i for i, facts in enumerate(facts) if facts.id is not None}
    for id, _, _ in boundary:
        if id is not None and id in positions:
            return positions[id] + 1
    digests = [digest for _, digest, _ in reversed(boundary)]
    for end in range(len(facts), 0, -1):
        run = [message.digest for message in facts[max(0, end - len(digests)) : end]]
        if run and run == digests[-len(run) :] and (len(run) == len(digests) or end == len(run)):
            return end
    return None


def is_edited(head: Head, facts: Sequence[Facts], prefixes: Sequence[str]) -> bool:
    """True if an archived message was changed or removed, so that passages may be out of date.

    A list that was cut at its front tells nothing new.
    """
    if _is_same(head, prefixes) or head["is_pruned"] or not facts:
        return False
    return _is(facts[0], head["first"])


def _is_same(head: Head, prefixes: Sequence[str]) -> bool:
    """True if all archived messages are there as they were."""
    n_archived = head["n_archived"]
    return n_archived < len(prefixes) and prefixes[n_archived] == head["prefix"]


def _is(facts: Facts, name: MessageName) -> bool:
    return facts.id == name[0] if name[0] is not None else facts.digest == name[1]


def position_of(name: MessageName | None, facts: Sequence[Facts]) -> int | None:
    """The position of a message by its name: where it was, else by its id, else the last that says
    the same. None if it is not there.
    """
    if name is None:
        return None
    id, digest, position = name
    if position < len(facts) and facts[position].digest == digest:
        return position
    matches = [i for i, message in enumerate(facts) if message.digest == digest]
    same_id = [i for i in matches if facts[i].id == id]
    return next(reversed(same_id or matches), None)


# ---- the cut -------------------------------------------------------------------------------------


def choose_cut(
    facts: Sequence[Facts],
    is_valid: Sequence[bool],
    question: int | None,
    *,
    start: int,
    budget: int,
    max_messages: int | None,
    max_tokens: int | None,
) -> Cut:
    """The cut at which at most `budget` tokens of the newest messages stay, as far as possible.

    The last call with its results and the last question stay always; then longer messages than
    the cap are to be shortened. The cut is never before `start`.
    """
    limit = budget if max_tokens is None else min(budget, max_tokens)
    cut = first_cut_from(is_valid, max(0, len(facts) - 1))
    n_tokens = sum(message.n_tokens for message in facts[cut:])
    for position in range(cut - 1, start - 1, -1):
        n_tokens += facts[position].n_tokens
        is_long = max_messages is not None and len(facts) - position > max_messages
        if n_tokens > limit or is_long:
            break
        if is_valid[position]:
            cut = position
    cut = max(cut, start)
    stays = list(facts[cut:])
    pinned = None
    if question is not None and question < cut:
        pinned = question
        stays.append(facts[question])
    return Cut(cut, pinned, _cap([message.n_tokens for message in stays], budget))


def _cap(sizes: Sequence[int], budget: int) -> int | None:
    """The largest cap such that all sizes fit; None if they fit without."""
    if sum(sizes) <= budget:
        return None
    return max(LEAST_CAP, common_limit(sizes, budget))


def head_of(
    facts: Sequence[Facts],
    prefixes: Sequence[str],
    cut: Cut,
    passages: str,
    *,
    is_changed: bool,
    is_pruned: bool,
) -> Head:
    """The record of a compaction at this cut. If the beginning has not changed, reasoning stays."""
    archived = facts[: cut.start]
    first = max(0, len(archived) - N_BOUNDARY)
    names = [facts[i].name(i) for i in reversed(range(first, len(archived)))]
    question = None if cut.question is None else facts[cut.question].name(cut.question)
    return Head(
        boundary=names,
        first=facts[0].name(0),
        n_archived=cut.start,
        prefix=prefixes[cut.start],
        passages=passages,
        question=question,
        bare_until=facts[-1].name(len(facts) - 1) if is_changed else None,
        cap=cut.cap,
        is_pruned=is_pruned,
    )
