"""Whether anything is lost with all defaults: conversations one after the other in one session.

    python evals/all_defaults.py beam_100K/1/chat.json beam_100K/2/chat.json beam_100K/3/chat.json

All conversations of the files are remembered in one session, certified, and fade by age. Prints
JSON: the forms of the pages, what could not be read any more, what `check` says, and the evidence
in windows of each conversation's budgets, beside that from a session of its own.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from optical_memory import OpticalMemory
from optical_memory.loaders import Conversation
from optical_memory.measure.finding.evidence import (
    Budget,
    EvidenceRow,
    Outcome,
    ask_method,
    evidence_rows,
)
from optical_memory.measure.finding.product import OpticalMemoryMethod, rung_shares
from optical_memory.measure.finding.question_sets import QuestionSet, read_question_sets
from optical_memory.turns import Turn

BUDGETS = [Budget(share=0.25), Budget(share=0.10), Budget(share=0.05)]

cli = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
cli.add_argument("files", nargs="+", type=Path)
cli.add_argument("--keep", type=Path, help="A folder that keeps the memories.")


def numbered(conversation: Conversation, number: int) -> tuple[Turn, ...]:
    """The turns with ids that no other conversation has."""
    return tuple(
        replace(turn, id=f"{number}:{turn.id}" if turn.id else None) for turn in conversation.turns
    )


def filled(folder: Path, name: str, conversations: Iterable[tuple[Turn, ...]]) -> OpticalMemory:
    """A memory with all defaults but its place, that has remembered these conversations."""
    memory = OpticalMemory(name, store=f"sqlite:///{folder / f'{name}.db'}")
    for turns in conversations:
        memory.remember(turns)
    memory.flush()
    memory.fade()
    return memory


def evidence(memory: OpticalMemory, sets: Iterable[QuestionSet]) -> list[Outcome]:
    """What stands in the filled windows for all questions."""
    outcomes: list[Outcome] = []
    for questions in sets:
        outcomes += ask_method(OpticalMemoryMethod(memory, name="filled"), questions, BUDGETS)
    return outcomes


def shares(rows: Iterable[EvidenceRow]) -> dict[str, dict[str, float]]:
    """The shares of each budget."""
    fields = ("any", "all", "touched", "all_touched")
    return {f"{row.budget_share}": {name: getattr(row, name) for name in fields} for row in rows}


def main() -> None:
    """Fill the sessions, ask, and print."""
    arguments = cli.parse_args()
    sets = [questions for file in arguments.files for questions in read_question_sets(file)]
    conversations = [numbered(sets[i].conversation, i) for i in range(len(sets))]
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with filled(folder, "together", conversations) as memory:
            stats = memory.stats()
            report = {
                "turns": stats.turns,
                "pages": stats.pages,
                "forms": rung_shares(memory),
                "forgotten": stats.forgotten,
                "lost_turns": stats.lost_turns,
                "check": memory.check(),
                "would_lose": memory.plan().loses,
                "together": shares(evidence_rows(evidence(memory, sets))),
            }
        alone: list[Outcome] = []
        for i, questions in enumerate(sets):
            with filled(folder, f"alone{i}", [conversations[i]]) as memory:
                alone += evidence(memory, [questions])
        report["alone"] = shares(evidence_rows(alone))
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
