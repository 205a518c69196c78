"""A strict reader of frames: which line is whose, and which words stand where they must not.

It knows the rules of the frame as they are written down, and nothing of the code that writes it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from optical_memory.quoting.lookalikes import skeleton
from optical_memory.quoting.unseen import shown
from optical_memory.turns import Turn, body

__all__ = [
    "SPECIAL",
    "frame_problems",
    "message_problems",
]

OPENING = re.compile(r"<(recall(?:-\d+)?)>\n")
TIME = re.compile(
    r"\[(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{4}-\d\d-\d\d)?(?:, )?(?:\d\d:\d\d)?.{0,12}\]"
)
MARK = re.compile(r"\[[^\n]*\] ?")
PAGE_MARK = re.compile(r"(\d+)([><=!])\+? ?([^\n]*)")
GAP = "…"

SPECIAL = re.compile(
    r"<\|[^\s<>]{1,60}\|>|<｜[^\s<>]{1,60}｜>|\[/?INST\]|<</?SYS>>|</?s>|<(?:start|end)_of_turn>"
    r"|\[TOOL_CALLS\]|</?tool_call>|</?think>|\[/?SYSTEM_PROMPT\]|<BOS_TOKEN>"
)
"""Special tokens of some chat templates, as their tokenizers find them."""

ROLE_OF_SIGN = {">": "user", "<": "assistant", "=": "tool", "!": "system"}


def letters(text: str) -> str:
    """The letters and figures of a text alone: line breaks, marks and escapes do not count."""
    return "".join(char for char in unicodedata.normalize("NFKC", shown(text)) if char.isalnum())


def frame_problems(text: str, turns: dict[str, Sequence[Turn]]) -> list[str]:
    """What is wrong with a frame and its words; `turns` are those that each label may have."""
    opening = OPENING.match(text)
    if opening is None:
        return [f"no frame at the beginning: {text[:60]!r}"]
    tag = opening[1]
    end = f"</{tag}>"
    plain = skeleton(text)
    n_ends = len(re.findall(rf"<[\s/\\]*/[\s/\\]*{tag}\b", plain))
    n_tags = len(re.findall(rf"<[\s/\\]*{tag}(?![-\d])", plain))
    if (n_ends, n_tags) != (1, 2) or not text.endswith(end):
        return [f"{n_ends} ends and {n_tags} tags of {tag!r}, or words behind the end"]
    lines = text[: -len(end)].splitlines()[2:]
    return [*_line_problems(lines, turns), *_special_problems(text)]


def _line_problems(lines: Sequence[str], turns: dict[str, Sequence[Turn]]) -> list[str]:
    problems: list[str] = []
    blocks: list[tuple[str, str]] = []
    for line in lines:
        if line.startswith(" ") and blocks:
            blocks[-1] = (blocks[-1][0], f"{blocks[-1][1]}\n{line}")
            continue
        label = next((label for label in turns if line.startswith(label)), None)
        if label is not None:
            blocks.append((label, line[len(label) :]))
        elif line != GAP and not TIME.fullmatch(line):
            problems.append(f"a line at the left edge that is not ours: {line!r}")
    for label, words in blocks:
        allowed = [letters(body(turn)) for turn in turns[label]]
        for piece in words.split(f" {GAP} "):
            if not any(letters(piece) in text for text in allowed):
                problems.append(f"words that {label!r} never said: {piece!r}")
    counts = {label: sum(name == label for name, _ in blocks) for label in turns}
    problems += [f"too many {label!r}" for label, n in counts.items() if n > len(turns[label])]
    return problems


def _special_problems(text: str) -> list[str]:
    found = SPECIAL.findall(text) + SPECIAL.findall(unicodedata.normalize("NFKC", text))
    return [f"a special token: {token!r}" for token in found]


def message_problems(
    messages: Sequence[dict[str, Any]], turns: dict[str, Sequence[Turn]], legends: Sequence[str]
) -> list[str]:
    """What is wrong with messages: each is a turn in its own role, or carries the frame."""
    problems: list[str] = []
    for message in messages:
        content = message["content"] or ""
        problems += _special_problems(content)
        opening = OPENING.match(content) if message["role"] == "user" else None
        if opening is not None:
            frame, end, content = content.partition(f"</{opening[1]}>")
            problems += frame_problems(frame + end, turns)
        if content.strip() in ("", GAP, *legends):
            continue
        role = message["role"]
        said = [turn for group in turns.values() for turn in group if turn.role == role]
        texts = [letters(body(turn)) for turn in said]
        rest = letters(re.sub(r"^\[[^\]\n]*\]$", "", content, flags=re.MULTILINE))
        if not any(rest in text for text in texts) and rest != "".join(texts):
            problems.append(f"{role} says what no {role} said: {content[:80]!r}")
    return problems
