"""Masks: what stands in a text in place of a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from optical_memory.redaction.detect import secret_ranges

__all__ = [
    "MaskOf",
    "count_masks",
    "mask_named",
    "masked_json",
    "masked_text",
]

MaskOf = Callable[[str], str]
"""Gives the mask of a secret, always the same for the same secret."""

_MASK = re.compile(r"\[secret(?: [a-z2-7]{4})?\]")

_JSON_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


NAME_CHARS = 64
"""How much before a JSON string may tell what it is: a name, a colon and blanks."""

_QUOTES = str.maketrans("\"'`<>\\", "qqqqqq")
"""Marks at which a value would end; in a JSON string that was decoded they are part of it."""


def mask_named(name: str | None) -> str:
    """The mask with this name: words that a model understands, safe in JSON and in a picture.

    >>> mask_named("k7qa"), mask_named(None)
    ('[secret k7qa]', '[secret]')
    """
    return "[secret]" if name is None else f"[secret {name}]"


def count_masks(text: str) -> int:
    """How many masks stand in a text."""
    return len(_MASK.findall(text)) if "[secret" in text else 0


def masked_text(text: str, mask_of: MaskOf, *, by_words: bool = True) -> str:
    """The text with a mask in place of each secret; the very same text without any."""
    parts: list[str] = []
    end = 0
    for start, stop in secret_ranges(text, by_words=by_words):
        if _MASK.search(text, start, stop):
            continue  # it is masked already
        parts += [text[end:start], mask_of(text[start:stop])]
        end = stop
    return "".join([*parts, text[end:]]) if parts else text


def masked_json(text: str, mask_of: MaskOf) -> str:
    """A JSON text with a mask in place of each secret; all else stays as it is written.

    A string with escapes is looked at as it reads, behind the name that it stands at. The text need
    not be valid JSON: one that was cut off is masked too.
    """
    if "\\" in text:
        text = _JSON_TEXT.sub(lambda match: _masked_string(match, mask_of), text)
    return masked_text(text, mask_of)


def _masked_string(match: re.Match[str], mask_of: MaskOf) -> str:
    literal = match[0]
    if "\\" not in literal:
        return literal
    try:
        words = json.loads(literal, strict=False)
    except ValueError:
        return literal
    if not isinstance(words, str):
        return literal
    name = match.string[max(0, match.start() - NAME_CHARS) : match.start()]
    shown = f'{name}"{words.translate(_QUOTES)}"'
    first = len(name) + 1
    masked = words
    for start, end in reversed(secret_ranges(shown)):
        if start >= first and not _MASK.search(shown, start, end):
            masked = (
                masked[: start - first]
                + mask_of(words[start - first : end - first])
                + masked[end - first :]
            )
    return literal if masked == words else json.dumps(masked, ensure_ascii=False)
