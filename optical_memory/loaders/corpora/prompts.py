"""Rows of a prompt and its answer: Alpaca, Dolly, and pairs of a chosen and a rejected answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from optical_memory.errors import InputError
from optical_memory.loaders.conversation import Conversation, LeftOut
from optical_memory.loaders.corpora.sharegpt import REJECTED
from optical_memory.loaders.files import read_json, stem
from optical_memory.loaders.histories import conversation_of, read_history
from optical_memory.loaders.messages.content import as_text
from optical_memory.loaders.messages.rows import first_row, list_items, read_rows, row_id, row_items

__all__ = [
    "is_prompts",
    "prompts",
]

_PROMPTS = ("instruction", "prompt", "question", "query")
_INPUTS = ("input", "context")
_ANSWERS = ("output", "chosen", "completion", "response", "answer")
_IDS = ("id", "prompt_id", "question_id")
_SIDES = re.compile(r"^[^\S\n]*(Human|Assistant): ?", re.MULTILINE)
"""The sides in a text of HH-RLHF."""

Items = Iterator[tuple[str, Any]]


def prompts(source: Any) -> list[Conversation]:
    """A conversation for each row. Raises `InputError` if no row has a prompt or an answer."""
    name = stem(source)
    return read_rows(row_items(read_json(source), name), _conversation, name)


def is_prompts(data: Any) -> bool:
    """True if the first row has a prompt and an answer, or a chosen and a rejected answer."""
    first = first_row(data)
    if first.keys() & {"role", "messages", "conversations"}:
        return False
    if first.keys() >= {"chosen", "rejected"}:
        return True
    is_prompt = any(isinstance(first.get(key), str | list) for key in _PROMPTS)
    return is_prompt and any(isinstance(first.get(key), str | list) for key in _ANSWERS)


def _conversation(place: str, row: Any) -> list[Conversation]:
    if not isinstance(row, dict):
        raise InputError(f"{place}: expected a row with a prompt and an answer")
    history = read_history(_messages(row, place))
    left_out: list[LeftOut] = []
    if row.get("rejected"):
        left_out.append(LeftOut(f"{place}.rejected", REJECTED, as_text(row["rejected"])))
    words = {*_PROMPTS, *_INPUTS, *_ANSWERS, "system", "rejected"}
    meta = {key: value for key, value in row.items() if key not in words}
    return [conversation_of(row_id(row, _IDS, place), history, meta, left_out)]


def _messages(row: dict[str, Any], place: str) -> Items:
    """The system prompt, the exchanges before, the prompt with its input, and the answer."""
    if row.get("system"):
        yield f"{place}.system", {"role": "system", "content": row["system"]}
    exchanges = row.get("history")
    for exchange_place, exchange in list_items(
        exchanges if isinstance(exchanges, list) else [], f"{place}.history"
    ):
        yield from _exchange(exchange, exchange_place)
    answer_key = _first_key(row, _ANSWERS)
    answer = (
        list(_texts(row[answer_key], f"{place}.{answer_key}", "assistant")) if answer_key else []
    )
    if not _repeats_prompt(answer):
        yield from _prompt(row, place)
    yield from answer


def _prompt(row: dict[str, Any], place: str) -> Items:
    """The prompt and the input that belongs to it, as a single message if both are texts."""
    names = [_first_key(row, names) for names in (_PROMPTS, _INPUTS)]
    keys = [key for key in names if key is not None]
    values = [row[key] for key in keys]
    if keys and all(isinstance(value, str) for value in values):
        yield f"{place}.{keys[0]}", {"role": "user", "content": "\n".join(values)}
        return
    for key in keys:
        yield from _texts(row[key], f"{place}.{key}", "user")


def _first_key(row: dict[str, Any], keys: Iterable[str]) -> str | None:
    """The first of the keys that has a value."""
    return next((key for key in keys if row.get(key)), None)


def _repeats_prompt(answer: list[tuple[str, Any]]) -> bool:
    """True if the answer is a whole conversation: it begins with the user, or has several sides."""
    first = answer[0][1] if answer else None
    return isinstance(first, dict) and first.get("role") in ("user", "system", "human")


def _exchange(exchange: Any, place: str) -> Items:
    if not isinstance(exchange, list):
        yield place, exchange
        return
    for n, (text_place, text) in enumerate(list_items(exchange, place)):
        yield text_place, {"role": "assistant" if n % 2 else "user", "content": text}


def _texts(value: Any, place: str, role: str) -> Items:
    """A text as a message of the role, a text with sides as several, and messages as they are."""
    if isinstance(value, list):
        yield from list_items(value, place)
    elif isinstance(value, dict):
        yield place, value
    else:
        text = as_text(value)
        sides = list(_SIDES.finditer(text)) if "\n\nAssistant:" in text else []
        if not sides:
            yield place, {"role": role, "content": text}
        ends = [*(side.start() for side in sides[1:]), len(text)]
        for side, end in zip(sides, ends, strict=True) if sides else ():
            yield place, {"role": side[1].lower(), "content": text[side.end() : end].strip()}
