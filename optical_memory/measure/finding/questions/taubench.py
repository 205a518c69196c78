"""Questions about what agents did in tau-bench runs, made of the runs themselves.

The data set has no questions. Ten runs in a row are one conversation, as the long history of an
agent. Each call that changed something is asked for in two ways, in plain words, with the names and
ids that a user would know. Its evidence is the turn with the call, and the tool's answer, which has
the same facts. A cancellation or a certificate also has the turn in which the agent tells the user.

A question is kept if no other call of the conversation did the same to the same thing. The policy
at the head of each run is left out. The same file gives the same questions.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from optical_memory.loaders import Conversation, taubench
from optical_memory.measure.finding.questions.question_set import (
    EvidenceQuestion,
    QuestionSet,
    question_set,
)
from optical_memory.turns import ToolCall, Turn

__all__ = [
    "taubench_sets",
]

RUNS = 10
"""Runs of a conversation: about 24,000 tokens, as long as LoCoMo's longest."""

WAYS = 2
"""Ways in which each deed is asked for."""


class _Action(NamedTuple):
    """What a call does, in a word, and ways to ask for it.

    The first way names what the action is done to. `is_answered` is True if the tool's answer is
    evidence too, `is_told` if the agent's next words to the user are.
    """

    kind: str
    templates: tuple[str, ...]
    is_answered: bool = True
    is_told: bool = False


ACTIONS: Mapping[str, _Action] = {
    "book_reservation": _Action(
        "booking",
        (
            "Which flights did {person} book from {origin} to {destination}?",
            "How did {person} pay for the trip from {origin} to {destination}?",
            "Who flies on the trip from {origin} to {destination} that {person} booked?",
        ),
    ),
    "cancel_reservation": _Action(
        "cancellation",
        (
            "Why did we cancel reservation {reservation_id}?",
            "Was reservation {reservation_id} called off, and is the money paid back?",
            "What did we tell the customer when {reservation_id} was cancelled?",
        ),
        is_told=True,
    ),
    "update_reservation_flights": _Action(
        "change of flights",
        (
            "Which flights is reservation {reservation_id} on after the change?",
            "On which dates does reservation {reservation_id} fly since we changed it?",
            "How was the change of {reservation_id} to other flights paid for?",
        ),
    ),
    "update_reservation_baggages": _Action(
        "bags",
        (
            "How many bags were added to reservation {reservation_id}?",
            "Who paid for the extra suitcases of {reservation_id}, and with what?",
        ),
    ),
    "update_reservation_passengers": _Action(
        "travellers",
        (
            "Who travels on reservation {reservation_id} now?",
            "Which name did we correct on {reservation_id}?",
        ),
    ),
    "send_certificate": _Action(
        "compensation",
        (
            "How much did {person} get as compensation?",
            "Why did we give {person} a voucher?",
        ),
        is_told=True,
    ),
    "transfer_to_human_agents": _Action(
        "handover",
        (
            "Why did we hand {person} over to a colleague?",
            "What could we not solve ourselves for {person}?",
        ),
        is_answered=False,
    ),
}
"""Calls with an effect, by name."""


@dataclass(frozen=True, slots=True)
class _Deed:
    """A call with an effect: what it was done to, and the turns that are its evidence."""

    action: _Action
    fields: Mapping[str, str]
    turn_ids: tuple[str, ...]

    @property
    def subject(self) -> str:
        """The same for two deeds if they do the same to the same thing."""
        return self.action.templates[0].format_map(self.fields)


def taubench_sets(path: Path) -> list[QuestionSet]:
    """The runs in groups of ten, each with the questions about its calls.

    Raises `InputError` if the file has other data.
    """
    runs = [_run_turns(run, n) for n, run in enumerate(taubench(path), 1)]
    return [_set(runs[i : i + RUNS], i + 1) for i in range(0, len(runs), RUNS)]


def _run_turns(run: Conversation, number: int) -> list[Turn]:
    """The turns of a run without its policy; their ids are `run3:17` for message 17 of run 3."""
    turns = [replace(turn, id=f"run{number}:{n}") for n, turn in enumerate(run.turns)]
    return [turn for turn in turns if turn.role != "system"]


def _set(runs: Sequence[Sequence[Turn]], number: int) -> QuestionSet:
    turns: list[Turn] = []
    deeds: list[_Deed] = []
    for run in runs:
        turns += run
        deeds += _deeds(run)
    conversation = Conversation(f"runs{number}-{number + len(runs) - 1}", tuple(turns))
    return question_set(conversation, _questions(deeds), lambda id: id.partition(":")[0])


def _questions(deeds: Sequence[_Deed]) -> Iterator[EvidenceQuestion]:
    """Questions for each deed that happened once; the ways to ask for a kind take turns."""
    times = Counter(deed.subject for deed in deeds)
    n_asked: Counter[str] = Counter()
    for deed in deeds:
        if times[deed.subject] > 1:
            continue
        action = deed.action
        for _ in range(WAYS):
            template = action.templates[n_asked[action.kind] % len(action.templates)]
            n_asked[action.kind] += 1
            yield EvidenceQuestion(template.format_map(deed.fields), action.kind, deed.turn_ids)


def _deeds(run: Sequence[Turn]) -> Iterator[_Deed]:
    """The calls of a run that changed something."""
    person = ""
    for i, turn in enumerate(run):
        for call in turn.tool_calls:
            fields = _fields(call)
            person = _person(fields.get("user_id", "")) or person
            action = ACTIONS.get(call.name)
            # Who is handed over stands in no argument: it is the user whose data was last read.
            if action and person and _has_effect(run, i):
                ids = _evidence_ids(run, i, action)
                yield _Deed(action, {**fields, "person": person}, ids)


def _fields(call: ToolCall) -> dict[str, str]:
    """The arguments of a call that are texts; none if they are no JSON object."""
    try:
        arguments = json.loads(call.arguments)
    except json.JSONDecodeError:
        return {}
    items = arguments.items() if isinstance(arguments, dict) else ()
    return {key: value for key, value in items if isinstance(value, str)}


def _person(user_id: str) -> str:
    """The name in the id of a user.

    >>> _person("mia_li_3668")
    'Mia Li'
    """
    return " ".join(part.capitalize() for part in user_id.split("_") if part.isalpha())


def _has_effect(run: Sequence[Turn], call_index: int) -> bool:
    """True if the tool answered the call, and not with an error."""
    answer = run[call_index + 1] if call_index + 1 < len(run) else None
    return answer is not None and answer.role == "tool" and not answer.text.startswith("Error")


def _evidence_ids(run: Sequence[Turn], call_index: int, action: _Action) -> tuple[str, ...]:
    """The turn with the call, and the turns after it that are evidence of such an action."""
    turns = [run[call_index]]
    if action.is_answered:
        turns.append(run[call_index + 1])
    if action.is_told:
        turns += _words_to_user(run[call_index + 1 :])
    return tuple(turn.id or "" for turn in turns)


def _words_to_user(turns: Sequence[Turn]) -> list[Turn]:
    """The first turn in which the agent says something, if that is before the user's next turn."""
    for turn in turns:
        if turn.role == "user":
            return []
        if turn.role == "assistant" and turn.text:
            return [turn]
    return []
