"""Branches of a transcript that its user rewound.

A line of Claude Code names its parent. Two prompts of the user after the same message are a rewind:
the session went on from the prompt whose branch has the last line. Parallel calls of tools make
branches too; those are no rewind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

__all__ = [
    "rewound_lines",
]


def rewound_lines(lines: Sequence[Any], messages: Collection[int]) -> set[int]:
    """The numbers of the lines in branches that were rewound; `messages` numbers the messages."""
    numbers = _line_numbers(lines)
    parents = [_parent(line, numbers) for line in lines]
    last_lines = _last_lines(parents)
    prompts: dict[int, list[int]] = defaultdict(list)
    for n in messages:
        fork = _message_before(n, parents, messages)
        if fork is not None and _is_prompt(lines[n]):
            prompts[fork].append(n)
    roots: list[int] = []
    for siblings in prompts.values():
        active = max(siblings, key=lambda n: last_lines[n])
        roots += [n for n in siblings if n != active]
    return _branches(roots, parents)


def _line_numbers(lines: Sequence[Any]) -> dict[str, int]:
    """The number of the first line of each id."""
    numbers: dict[str, int] = {}
    for n, line in enumerate(lines):
        id = line.get("uuid") if isinstance(line, dict) else None
        if isinstance(id, str):
            numbers.setdefault(id, n)
    return numbers


def _parent(line: Any, numbers: Mapping[str, int]) -> int | None:
    parent = line.get("parentUuid") if isinstance(line, dict) else None
    return numbers.get(parent) if isinstance(parent, str) else None


def _last_lines(parents: Sequence[int | None]) -> list[int]:
    """For each line the last line of its branch. A parent stands before its children."""
    last_lines = list(range(len(parents)))
    for n in range(len(parents) - 1, -1, -1):
        parent = parents[n]
        if parent is not None and parent < n:
            last_lines[parent] = max(last_lines[parent], last_lines[n])
    return last_lines


def _message_before(n: int, parents: Sequence[int | None], messages: Collection[int]) -> int | None:
    """The message that a line comes after, over all lines between that are none."""
    parent = parents[n]
    while parent is not None and parent < n and parent not in messages:
        n = parent
        parent = parents[n]
    return parent if parent is not None and parent < n else None


def _is_prompt(line: Any) -> bool:
    """True for words of the user; answers of tools stand in lines of the user too."""
    message = line.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if line.get("type") != "user":
        return False
    parts = content if isinstance(content, list) else []
    return not any(isinstance(part, dict) and part.get("type") == "tool_result" for part in parts)


def _branches(roots: Sequence[int], parents: Sequence[int | None]) -> set[int]:
    """The roots and all lines after them."""
    branches = set(roots)
    for n, parent in enumerate(parents):
        if parent is not None and parent < n and parent in branches:
            branches.add(n)
    return branches
